/* Whether a word is a person's name: a surname and a given name of the syllables names are made of,
 * and none of the many words that begin like one (이름, 정보, 주소). */
#include <uchar.h>

#include "nlp/pii.h"

/* Surnames, each with the second syllables of common words that begin with it. */
static const char16_t *const common[] = {
    u"김치밥장",
    (u"이름상용미거건것게런렇후전번제유벤메체사동내외하력랑어쪽만중웃틀자월불야따모삿래대날달때라고"
     u"며천백십면의"
     u"외메엔걸럴루"),
    u"박스사물람",
    u"최소대근고종초신저악상",
    u"정보상말도정확기수산책지품식리비해장원가신류오형답규",
    u"강아도사의제력남북서동릉원좌조화습",
    u"조회금건치절정사립리카언식심만용차선합기명",
    u"윤기리달",
    u"장애바비소기난치점마갑식인모사르학염",
    u"임의시대신산차직원플",
    u"한글자번도국참쪽달분명테데시두장마우식의방강개편동사거건다줄눈",
    u"오류늘전후타래배픈히른차기십입빠일시면는고나지르랜염프랫",
    u"서명류비울로식버면초대산점두둘",
    u"신청분고용규발상경혼한속제호입기부랑체촌형뢰선차설간나",
    u"권한리유장고수",
    u"황당사색금",
    (u"안내전녕돼되된됨심경나오맞받쪽방양산동과가감들보떠뜨함하했해와왔써쓰주줘사팎마에은읽먹으부그"
     u"정락열왜"),
    u"송장금부도파신달년",
    u"전화체부달혀에액자기산용문송입원담국세날해주남북표후철시업공학투쟁개통반적신까등단",
    u"홍보삼대수콩차",
    u"유효료무지심의선형통치튜저사명모럽리아난기일출류학도산",
    u"고객장지민정속급기령양모등맙생소발의유려쳐치르른가시졸추무작용구개향집마",
    u"문의자제서구앞장화고을이도은항턱틈",
    u"양식도수쪽해호이말념육측면심산주파로성",
    u"손길상님해자녀가잡실톱목전세수쉽이",
    u"배송달우정상터경려치출기관포당로가선너차부불수",
    u"백신업화만색내원번팩일",
    u"허위가락용리접브니",
    u"남편자성은동친매대기겨긴아는을음양부산구",
    u"심사각지한하장리박부야의플심해",
    u"노출트인후력선래부령동란랑쇼무약원폐상",
    u"곽티",
    u"성명함별인공능분격수남북동실의형장경적질이과은씨향급희추",
    u"차량단이감액례라후체주별종선도트가는를로에원장등마",
    u"주소문민차인말부의세시셨셔고는식유방변간기요제로어신실치택권관니나네면십임류행당",
    u"우편리선대체산측수유연려회울롱와주기아",
    u"구하매입분독성두역청글간형조겨멍급비미체경제직",
    u"민원증감간사폐박법",
    u"류마",
    u"진행료단짜상심작술품동도위주공입정실통열한",
    u"엄마청격연지",
};
/* Those whose words are mostly something else: only with syllables of names. */
static const char16_t rare[] =
    u"하나채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국"
    u"어은편용지봉경탄빙";
static const char *const longer[] = {"남궁", "황보", "제갈", "선우", "독고", "사공", "서문", NULL};
static const char16_t given_first[] =
    u"가강건경광귀규근금기길나난남다대덕도동두라란래리만말명무문미민범병보복봉분빈삼상"
    u"새서석선설성세소솔수숙순슬승시신아안애연영예옥완용우운원유윤율은의이익인일재점"
    u"정제종주준지진찬창채철춘충치태필하한해향현형혜호홍화환효후훈휘희";
static const char16_t given_last[] =
    u"걸경교국권규균근기길나난남년늘단덕도동라란람랑래련령례록린림만명모묵미민배범별병복"
    u"봉부빈빛산상서석선설섭성솔수숙순슬승식신아안애양연열엽영예옥완용우욱운웅원월유윤율은"
    u"이익인일임자재정제종주준중지진찬창채천철춘출태택필하학한해혁현형혜호화환후훈휘희";
static const char16_t given_alone[] =
    u"건걸결곤관광구균근금길나난단담덕동란람령률린림미민범별봉빈빛산상석선설섬섭성솔수숙순슬승식신"
    u"아안양연열영옥완용우욱운웅원윤율은을의인일재정종준중진찬창채철청춘탁태택필한해혁현형"
    u"혜호홍화환훈휘희";
/* Names that are words of their own. */
static const char *const given_words[] = {
    "하늘", "슬기", "바다", "나리", "아침", "새벽", "이든", "다온", "가온", "시온", "한결", "여울",
    "해솔", "열매", "이슬", "빛나", "가람", "보람", "아라", "누리", "두리", "다솜", "초롱", "샛별",
    "은별", "한별", "으뜸", "믿음", "소망", "사랑", "기쁨", "하람", "로운", "리안", "이안", "라온",
    "노을", "구슬", "우람", "푸름", "한솔", "다빈", "새롬", "아름", "예슬", "보라", "나래", "달래",
    "미르", "마루", "소리", "단비", "봄이", "여름", "가을", "겨울", "그림", "도담", "힘찬", "꽃님",
    "누림", "로이", "리아", "루다", "루리", "리나", "레나", "로아", "라엘", "로하", "이레", NULL};

/* Words of that shape that are no names. */
static const char *const no_names[] = {
    "이미지", "정수기", "전화기", "공유기", "주인공", "주유소", "우선순", "유지태", "성수기",
    "비수기", "전문의", "한정수", "강도현", "유명인", "전성기", "조선인", "외국인", "하나만",
    "우정도", "하도록", "최우수", "고유의", "주연인", "이하동", "정상인", "소나기", "기시감",
    "여주인", "남주인", "이순신", "장영실", "하지원", "원주민", "어린이", "지도자", "도우미",
    "주최자", "노동자", "소유자", "선호도", "인지도", "여성용", "남성용", "유아용", "성인용",
    "선수용", "가정용", "제주도", "강원도", "한반도", "진정성", "안전성", "가성비", "기능성",
    "연예인", "여배우", "남배우", "장미희", "도중에", "신나라", "선물용", "한동안", "오랜만",
    "조만간", "이민자", "주동자", "신도시", "신기한", "진한수", "연하남", "연상연", "우주선",
    "유미의", "유치원", "유기한", "한가한", "진지한", "고지식", "신선한", "여유한", "인수인",
    "하수인", "고소인", "소수의", "다수의", "공동명", "설명이", "은근한", "유명한", "현지인",
    "용의자", "제한이", "기한이", "지정일", "우연이", "이하인", "이상인", "전용선", "유선인",
    "여기서", "여기는", "정도는", "조용한", "한숨만", "한명이", "주인이", "나이지", "모기장",
    "이유식", "성교육", "오징어", "장난아", "이건아", "지하철", "유리병", "지난주", "육수용",
    "주치의", "주무관", "최소한", "최대한", "소문난", "안과의", "추기경", NULL};

/* 신여권, 구주소: what a surname that is also a word stands before. */
static const char *const no_given[] = {
    "번호", "주소", "계좌", "카드", "여권", "면허", "전화", "연락", "메일", "통장", "차량",
    "주민", "은행", "고객", "상품", "제품", "회원", "직원", "가족", "식구", "부장", "과장",
    "차장", "이사", "교수", "선배", "감독", "전무", "국장", "실장", "기장", "관장", "상무",
    "대표", "대리", "팀장", "주임", "원장", "박사", "선생", "기사", "사장", "여사", "회장",
    "반장", "소장", "계장", "형사", "검사", "판사", "약사", "의사", "코치", "점장", "무관",
    "기경", "대리", "사원", "사님", "장님", NULL};

static bool holds(const char16_t *list, uint32_t cp)
{
    for (; *list; list++)
        if (*list == cp)
            return true;
    return false;
}

/* What begins with a common surname, or NULL. */
static const char16_t *common_row(uint32_t cp)
{
    for (size_t k = 0; k < sizeof(common) / sizeof(common[0]); k++)
        if (common[k][0] == cp)
            return common[k] + 1;
    return NULL;
}

static bool is_given(const struct pii_text *x, size_t i)
{
    return (holds(given_first, x->cp[i]) && holds(given_last, x->cp[i + 1])) ||
           pii_one_of(x, i, given_words);
}

/* What may stand after a name in the same word. */
enum after { AFTER_NONE, AFTER_END, AFTER_PARTICLE, AFTER_PERSON };

/* 님, 씨, 입니다 … make it a person; a particle may be part of another word. */
static enum after after_name(const struct pii_text *x, size_t end)
{
    static const char *const persons[] = {
        "님",   "씨",   "입니", "이에요", "예요",   "에요",   "이예요", "이고", "인데", "이며",
        "이라", "라고", "이요", "세요",   "이세요", "이구",   "이랑",   "에게", "한테", "께",
        "앞으", "고객", "이다", "입니",   "라는",   "이라는", "라 합",  "본인", "이었", NULL};
    static const char *const particles[] = {"은", "는", "이", "가",   "을",     "를",   "의",
                                            "도", "로", "와", "과",   "으로",   "하고", "에서",
                                            "만", "랑", "요", "로요", "으로요", "이가", NULL};
    if (!pii_is_letter(x->cp[end]) && !pii_is_digit(x->cp[end]))
        return AFTER_END;
    if (pii_one_of(x, end, persons))
        return AFTER_PERSON;
    for (const char *const *p = particles; *p; p++) {
        size_t n = pii_word(x, end, *p);
        if (n && !pii_is_letter(x->cp[end + n]))
            return AFTER_PARTICLE;
    }
    return AFTER_NONE;
}

/* 님 or 씨 a space away. */
static bool is_addressed(const struct pii_text *x, size_t end)
{
    return x->cp[end] == ' ' && (x->cp[end + 1] == 0xB2D8 || x->cp[end + 1] == 0xC528);
}

/* A surname of one syllable and two more. */
static bool is_three(const struct pii_text *x, size_t i, enum pii_trust trust, enum after after)
{
    static const char16_t nouns[] = u"자기지서인사원장도주증권료비금이";
    static const char *const copulas[] = {"예요", "에요", "입니", "인데", "이고", "이라", NULL};
    static const char16_t suffixes[] = u"용중형수지철기식년월일호";
    static const char16_t endings[] = u"은는이가을를의도만로와과나라고해한하에서";
    const uint32_t second = x->cp[i + 1], third = x->cp[i + 2];
    const char16_t *row = common_row(x->cp[i]);
    if (!pii_is_hangul(second) || !pii_is_hangul(third) || pii_one_of(x, i, no_names) ||
        pii_one_of(x, i + 1, no_given))
        return false;
    bool likely = is_given(x, i + 1);
    if (!row)
        return likely && holds(rare, x->cp[i]) &&
               (after == AFTER_PERSON ||
                (!holds(endings, third) && (trust == PII_SURE || !holds(suffixes, third))));
    if (holds(row, second))
        return likely && !pii_one_of(x, i + 2, copulas) && !holds(nouns, third) &&
               (after == AFTER_PERSON || !holds(endings, third));
    return trust == PII_SURE || likely;
}

/* A name of two syllables, or one of a long surname. */
static bool is_short(const struct pii_text *x, size_t i)
{
    const char16_t *row = common_row(x->cp[i]);
    return row && !holds(row, x->cp[i + 1]) && holds(given_alone, x->cp[i + 1]);
}

/* 응우옌 티 란: up to three words. */
static size_t foreign_end(const struct pii_text *x, size_t i)
{
    static const char *const families[] = {"응우옌", "응웬", "쩐",  "팜",
                                           "레 ",    "부이", "왕 ", NULL};
    size_t end = i + pii_one_of(x, i, families);
    if (end == i)
        return 0;
    while (pii_is_hangul(x->cp[end]) && end - i < 5)
        end++;
    for (unsigned word = 0; word < 2; word++) {
        size_t at = end + (x->cp[end] == ' '), from = at;
        while (pii_is_hangul(x->cp[at]) && at - from < 3)
            at++;
        if (at == from || at - from > 2 || pii_is_hangul(x->cp[at]))
            break;
        end = at;
    }
    return end;
}

/* 백 설, 김 민수. */
static size_t spaced_end(const struct pii_text *x, size_t i)
{
    if (!common_row(x->cp[i]) || x->cp[i + 1] != ' ' || !pii_is_hangul(x->cp[i + 2]))
        return 0;
    if (after_name(x, i + 3) != AFTER_NONE && holds(given_alone, x->cp[i + 2]))
        return i + 3;
    return pii_is_hangul(x->cp[i + 3]) && is_given(x, i + 2) && after_name(x, i + 4) != AFTER_NONE
               ? i + 4
               : 0;
}

size_t pii_person(const struct pii_text *x, size_t i, enum pii_trust trust)
{
    if (!pii_is_hangul(x->cp[i]))
        return 0;
    if (pii_one_of(x, i, longer)) {
        if (pii_is_hangul(x->cp[i + 2]) && is_given(x, i + 2) && after_name(x, i + 4))
            return i + 4;
        if (holds(given_alone, x->cp[i + 2]) && after_name(x, i + 3))
            return i + 3;
    }
    enum after after = i + 3 <= x->n ? after_name(x, i + 3) : AFTER_NONE;
    if (after == AFTER_END && is_addressed(x, i + 3))
        after = AFTER_PERSON;
    if (after &&
        is_three(x, i, after == AFTER_PERSON && is_addressed(x, i + 3) ? PII_SURE : trust, after))
        return i + 3;
    if (trust != PII_SURE)
        return 0;
    after = after_name(x, i + 2);
    if ((after == AFTER_END || after == AFTER_PERSON) && is_short(x, i))
        return i + 2;
    size_t end = spaced_end(x, i);
    return end ? end : foreign_end(x, i);
}

size_t pii_person_before(const struct pii_text *x, size_t end, enum pii_trust trust, bool said)
{
    size_t i = end;
    while (i > 0 && end - i <= 4 && pii_is_hangul(x->cp[i - 1]))
        i--;
    if (end - i > 4 || end - i < 3 ||
        (i > 0 && (pii_is_digit(x->cp[i - 1]) || pii_is_latin(x->cp[i - 1]))))
        return end;
    if (pii_one_of(x, i, longer) && is_given(x, i + 2) && end - i == 4)
        return i;
    if (pii_one_of(x, i, longer) && end - i == 3 && holds(given_alone, x->cp[i + 2]))
        return i;
    return end - i == 3 && is_three(x, i, trust, said ? AFTER_PERSON : AFTER_END) ? i : end;
}
