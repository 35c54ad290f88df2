/* vocab_paths: labels of the second-level categories that ship (lexicons/ko/categories.yaml,
 * lexicons/en/categories.yaml); for vocab.c alone. Not stored by number: the order is free. A
 * workspace's own paths have no label here and show as their code. */
#ifndef VOC_BASE_VOCAB_PATHS_H
#define VOC_BASE_VOCAB_PATHS_H

#define VOCAB_PATHS(X)                                                                             \
    X("delivery/late", "배송 지연", "Late delivery")                                               \
    X("delivery/lost", "배송 분실", "Lost delivery")                                               \
    X("delivery/wrong", "오배송", "Wrong item")                                                    \
    X("delivery/missing", "구성품 누락", "Missing parts")                                          \
    X("delivery/careless", "배송 중 파손", "Careless delivery")                                    \
    X("delivery/address", "배송지 변경", "Delivery address")                                       \
    X("delivery/fee", "배송비", "Delivery fee")                                                    \
    X("delivery/fast", "빠른 배송", "Fast delivery")                                               \
    X("payment/fail", "결제 실패", "Payment failed")                                               \
    X("payment/double", "이중 결제", "Charged twice")                                              \
    X("payment/receipt", "영수증·증빙", "Receipt")                                                 \
    X("payment/method", "결제 수단", "Payment method")                                             \
    X("refund/delay", "환불 지연", "Late refund")                                                  \
    X("refund/cancel", "주문 취소", "Cancellation")                                                \
    X("refund/fee", "취소 수수료", "Cancellation fee")                                             \
    X("refund/terminate", "해지", "Termination")                                                   \
    X("exchange/fee", "반품비", "Return fee")                                                      \
    X("exchange/pickup", "반품 수거", "Return pickup")                                             \
    X("exchange/size", "사이즈 교환", "Size exchange")                                             \
    X("quality/defect", "불량", "Defect")                                                          \
    X("quality/broken", "파손", "Broken")                                                          \
    X("quality/food", "음식 품질", "Food quality")                                                 \
    X("quality/network", "통신 품질", "Network quality")                                           \
    X("reservation/change", "예약 변경", "Reservation change")                                     \
    X("reservation/fail", "예약 실패", "Reservation failed")                                       \
    X("repair/install", "설치", "Installation")                                                    \
    X("repair/delay", "수리 지연", "Late repair")                                                  \
    X("repair/again", "재고장", "Broken again")                                                    \
    X("account/login", "로그인", "Sign-in")                                                        \
    X("account/password", "비밀번호", "Password")                                                  \
    X("account/verify", "본인 인증", "Verification")                                               \
    X("account/security", "계정 보안", "Account security")                                         \
    X("account/leave", "회원 탈퇴", "Leaving")                                                     \
    X("account/close", "계좌 해지", "Closing an account")                                          \
    X("benefit/coupon", "쿠폰", "Coupons")                                                         \
    X("benefit/points", "포인트", "Points")                                                        \
    X("benefit/membership", "멤버십", "Membership")                                                \
    X("benefit/event", "이벤트", "Events")                                                         \
    X("agent/rude", "불친절", "Rude staff")                                                        \
    X("agent/kind", "친절", "Kind staff")                                                          \
    X("agent/wrong_info", "잘못된 안내", "Wrong information")                                      \
    X("waiting/phone", "전화 연결", "Reaching us by phone")                                        \
    X("waiting/chatbot", "챗봇", "Chatbot")                                                        \
    X("waiting/answer", "답변 지연", "Late answer")                                                \
    X("app/error", "앱 오류", "App error")                                                         \
    X("app/crash", "앱 강제 종료", "App crash")                                                    \
    X("app/slow", "앱 느림", "Slow app")                                                           \
    X("app/feature", "앱 기능", "App feature")                                                     \
    X("price/high", "비싼 가격", "High price")                                                     \
    X("price/low", "좋은 가격", "Good price")                                                      \
    X("price/plan", "요금제", "Price plan")                                                        \
    X("policy/warranty", "보증 규정", "Warranty terms")                                            \
    X("policy/privacy", "개인정보 처리", "Privacy terms")                                          \
    X("policy/contract", "계약·약관", "Contract terms")                                            \
    X("product_info/stock", "재고", "Stock")                                                       \
    X("product_info/size", "사이즈 정보", "Size information")                                      \
    X("product_info/usage", "사용법", "How to use")                                                \
    X("product_info/mismatch", "설명과 다름", "Not as described")

#endif
