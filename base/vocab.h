/* vocab: the closed vocabularies of vocd, one X-macro table each: code, Korean label, English
 * label.
 *
 * Numbers are stored: append only, never reorder, never reuse. Open vocabularies (category paths,
 * types and signals a workspace adds) travel as text; the tables here are what ships. */
#ifndef VOC_BASE_VOCAB_H
#define VOC_BASE_VOCAB_H

#include "base/span.h"

#define VOCAB_KINDS(X)                                                                             \
    X(KIND_TICKET, "ticket", "티켓", "Ticket")                                                     \
    X(KIND_REVIEW, "review", "리뷰", "Review")                                                     \
    X(KIND_SURVEY, "survey", "설문", "Survey")                                                     \
    X(KIND_CHAT, "chat", "채팅", "Chat")                                                           \
    X(KIND_CALL, "call", "전화", "Call")                                                           \
    X(KIND_SOCIAL, "social", "소셜", "Social")

#define VOCAB_SENTIMENTS(X)                                                                        \
    X(SENTIMENT_NONE, "none", "없음", "None") /* nothing to read: no text */                       \
    X(SENTIMENT_NEGATIVE, "negative", "부정", "Negative")                                          \
    X(SENTIMENT_NEUTRAL, "neutral", "중립", "Neutral")                                             \
    X(SENTIMENT_POSITIVE, "positive", "긍정", "Positive")

#define VOCAB_TYPES(X)                                                                             \
    X(TYPE_OTHER, "other", "기타", "Other")                                                        \
    X(TYPE_INQUIRY, "inquiry", "문의", "Inquiry")                                                  \
    X(TYPE_COMPLAINT, "complaint", "불만", "Complaint")                                            \
    X(TYPE_REQUEST, "request", "요청", "Request")                                                  \
    X(TYPE_PRAISE, "praise", "칭찬", "Praise")                                                     \
    X(TYPE_SUGGESTION, "suggestion", "제안", "Suggestion")

#define VOCAB_SIGNALS(X)                                                                           \
    X(SIGNAL_CHURN, "churn", "이탈", "Churn")                                                      \
    X(SIGNAL_LEGAL, "legal", "법적 조치·신고", "Legal action")                                     \
    X(SIGNAL_ESCALATION, "escalation", "책임자 요구", "Escalation")                                \
    X(SIGNAL_URGENT, "urgent", "긴급", "Urgent")                                                   \
    X(SIGNAL_ABUSE, "abuse", "상담사 폭언", "Abuse")                                               \
    X(SIGNAL_REPEAT_CONTACT, "repeat_contact", "재문의", "Repeat contact")                         \
    X(SIGNAL_SAFETY, "safety", "안전사고", "Safety")                                               \
    X(SIGNAL_PII, "pii", "개인정보 포함", "Personal data")

#define VOCAB_CATEGORIES(X)                                                                        \
    X(CATEGORY_DELIVERY, "delivery", "배송", "Delivery")                                           \
    X(CATEGORY_PAYMENT, "payment", "주문·결제", "Order and payment")                               \
    X(CATEGORY_REFUND, "refund", "취소·환불", "Cancellation and refund")                           \
    X(CATEGORY_EXCHANGE, "exchange", "교환·반품", "Exchange and return")                           \
    X(CATEGORY_QUALITY, "quality", "품질·하자", "Quality and defects")                             \
    X(CATEGORY_RESERVATION, "reservation", "예약", "Reservation")                                  \
    X(CATEGORY_REPAIR, "repair", "AS·수리·설치", "Repair and installation")                        \
    X(CATEGORY_ACCOUNT, "account", "계정·인증·회원", "Account and sign-in")                        \
    X(CATEGORY_BENEFIT, "benefit", "혜택·쿠폰·포인트", "Benefits and coupons")                     \
    X(CATEGORY_AGENT, "agent", "상담원 응대", "Agent attitude")                                    \
    X(CATEGORY_WAITING, "waiting", "상담 연결·대기", "Waiting and reaching us")                    \
    X(CATEGORY_APP, "app", "앱·웹 오류", "App and web errors")                                     \
    X(CATEGORY_PRICE, "price", "가격·요금", "Price and charges")                                   \
    X(CATEGORY_POLICY, "policy", "정책·약관", "Policy and terms")                                  \
    X(CATEGORY_PRODUCT_INFO, "product_info", "상품 정보·재고", "Product information and stock")

#define VOCAB_STAGES(X)                                                                            \
    X(STAGE_NONE, "", "", "")                                                                      \
    X(STAGE_AWARENESS, "awareness", "인지", "Awareness")                                           \
    X(STAGE_INTEREST, "interest", "관심", "Interest")                                              \
    X(STAGE_DECISION, "decision", "결정", "Decision")                                              \
    X(STAGE_PURCHASE, "purchase", "구매", "Purchase")                                              \
    X(STAGE_USE, "use", "이용", "Use")                                                             \
    X(STAGE_SUPPORT, "support", "문의", "Support")                                                 \
    X(STAGE_RETENTION, "retention", "재구매", "Retention")                                         \
    X(STAGE_ADVOCACY, "advocacy", "추천", "Advocacy")

#define VOCAB_ROLES(X)                                                                             \
    X(ROLE_INGEST, "ingest", "수집", "Ingest")                                                     \
    X(ROLE_AGENT, "agent", "상담사", "Agent")                                                      \
    X(ROLE_SUPERVISOR, "supervisor", "슈퍼바이저", "Supervisor")                                   \
    X(ROLE_QUALITY, "quality", "품질", "Quality")                                                  \
    X(ROLE_ADMIN, "admin", "관리자", "Admin")

#define VOCAB_LANGS(X)                                                                             \
    X(LANG_NONE, "", "", "")                                                                       \
    X(LANG_KO, "ko", "한국어", "Korean")                                                           \
    X(LANG_EN, "en", "영어", "English")                                                            \
    X(LANG_OTHER, "other", "기타", "Other")

#define VOCAB_ENUM(id, code, ko, en) id,
enum kind { VOCAB_KINDS(VOCAB_ENUM) KIND_COUNT };
enum sentiment { VOCAB_SENTIMENTS(VOCAB_ENUM) SENTIMENT_COUNT };
enum fb_type { VOCAB_TYPES(VOCAB_ENUM) TYPE_COUNT };
enum fb_signal { VOCAB_SIGNALS(VOCAB_ENUM) SIGNAL_COUNT };
enum category { VOCAB_CATEGORIES(VOCAB_ENUM) CATEGORY_COUNT };
enum stage { VOCAB_STAGES(VOCAB_ENUM) STAGE_COUNT };
enum role { VOCAB_ROLES(VOCAB_ENUM) ROLE_COUNT };
enum lang { VOCAB_LANGS(VOCAB_ENUM) LANG_COUNT };
#undef VOCAB_ENUM

enum vocab {
    VOCAB_KIND,
    VOCAB_SENTIMENT,
    VOCAB_TYPE,
    VOCAB_SIGNAL,
    VOCAB_CATEGORY,
    VOCAB_STAGE,
    VOCAB_ROLE,
    VOCAB_LANG,
    VOCAB_PATH, /* second-level categories that ship, by their whole path */
};

/* The code, never NULL ("" out of range). */
const char *vocab_code(enum vocab v, int id);
/* The label in Korean or English. */
const char *vocab_label(enum vocab v, int id, enum lang lang);
/* The id of a code, or -1. */
int vocab_find(enum vocab v, struct span code);
int vocab_count(enum vocab v);

#endif
