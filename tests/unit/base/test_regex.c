/* Patterns: what they match, in both dialects, and that none of them takes our time. */
#include "tests/unit/unit.h"

#include "harness/base/regex.h"
#include "harness/base/regex_private.h"

#include <pthread.h>

static const struct place nowhere = {0};

static enum regex_result search(const char *pattern, unsigned flags, struct text subject)
{
	struct regex *regex;
	struct fault fault = {0};

	ck_assert_msg(regex_new(text_of(pattern), flags, nowhere, &regex, &fault), "%s",
	              fault.message);
	enum regex_result result = regex_search(regex, subject);
	regex_free(regex);
	return result;
}

START_TEST(patterns_match_anywhere)
{
	ck_assert_int_eq(search("b+", 0, TEXT("aabb")), REGEX_MATCH);
	ck_assert_int_eq(search("^b", 0, TEXT("aabb")), REGEX_MISS);
	ck_assert_int_eq(search("", 0, (struct text){NULL, 0}), REGEX_MATCH);
	ck_assert_int_eq(search("PARIS", REGEX_CASELESS, TEXT("paris")), REGEX_MATCH);
	ck_assert_int_eq(search("^b", 0, TEXT("a\nb")), REGEX_MISS);
	ck_assert_int_eq(search("^b", REGEX_MULTILINE, TEXT("a\nb")), REGEX_MATCH);
	ck_assert_int_eq(search("a.b", 0, TEXT("a\nb")), REGEX_MISS);
	ck_assert_int_eq(search("a.b", REGEX_DOTALL, TEXT("a\nb")), REGEX_MATCH);
	ck_assert_int_eq(search("^.$", 0, TEXT("\xe2\x82\xac")), REGEX_MATCH);
	ck_assert_int_eq(search("a\\x00b", 0, TEXT("a\0b")), REGEX_MATCH);
	/* PCRE2 10.42 misses these where it expects bad UTF-8. */
	ck_assert_int_eq(search("^\\D\\W\\S$", 0, TEXT("\xdf\x80\xc3\xa9\xe2\x82\xac")),
	                 REGEX_MATCH);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_never_match)
{
	ck_assert_int_eq(search("^..$", 0, TEXT("a\xff")), REGEX_MISS);
	ck_assert_int_eq(search("b", 0, TEXT("\xff\xe2\x82 b")), REGEX_MATCH);
	ck_assert_int_eq(search("[^a]", 0, TEXT("\xc3")), REGEX_MISS);
	ck_assert_int_eq(search("^\\W$", REGEX_MULTILINE, TEXT("\xff\n\xc3\xa9")), REGEX_MATCH);
	ck_assert_int_eq(search("(a+)+[bc]", 0,
	                        TEXT("\xff"
	                             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")),
	                 REGEX_LIMIT);
}
END_TEST

START_TEST(groups_are_found)
{
	struct regex *regex;
	struct fault fault = {0};
	size_t start, end;

	ck_assert(regex_new(TEXT("(x)?(\\d+) degrees"), 0, nowhere, &regex, &fault));
	struct text subject = TEXT("it is 21 degrees");
	ck_assert_int_eq(regex_find(regex, subject, 0, &start, &end), REGEX_MATCH);
	ck_assert(start == 6 && end == 16);
	ck_assert_int_eq(regex_find(regex, subject, 2, &start, &end), REGEX_MATCH);
	ck_assert(start == 6 && end == 8);
	ck_assert_int_eq(regex_find(regex, subject, 1, &start, &end), REGEX_MATCH);
	ck_assert(start == 0 && end == 0);
	ck_assert_int_eq(regex_find(regex, subject, 99, &start, &end), REGEX_MATCH);
	ck_assert(start == 0 && end == 0);
	ck_assert_int_eq(regex_find(regex, TEXT("cold"), 0, &start, &end), REGEX_MISS);
	regex_free(regex);
	regex_free(NULL);
}
END_TEST

START_TEST(wrong_patterns_are_faults)
{
	struct regex *regex = NULL;
	struct fault fault = {0};
	char *large = memory_new(100000);

	ck_assert(!regex_new(TEXT("a(b"), 0, nowhere, &regex, &fault));
	assert_fault_says(&fault, "wrong at its byte 3: missing closing parenthesis");
	ck_assert(!regex_new(TEXT("\\Ca"), 0, nowhere, &regex, &fault));
	ck_assert(!regex_new(TEXT("a\xff"), 0, nowhere, &regex, &fault));
	ck_assert(!regex_new_ecma(TEXT("a(b"), nowhere, &regex, &fault));
	assert_fault_says(&fault, "this pattern is wrong: missing closing");
	memset(large, 'a', 100000);
	ck_assert(!regex_new((struct text){large, 100000}, 0, nowhere, &regex, &fault));
	assert_fault_says(&fault, "100000 bytes; at most 65536");
	for (size_t i = 0; i < 60000; i += 2)
		memcpy(large + i, "\\S", 2);
	ck_assert(!regex_new_ecma((struct text){large, 60000}, nowhere, &regex, &fault));
	assert_fault_says(&fault, "too large");
	memory_free(large);
}
END_TEST

START_TEST(slashes_carry_flags)
{
	static const struct {
		const char *slashed, *subject, *says; /* says: the fault, where there is one */
	} rows[] = {
	    {"/yes|no/i", "NO", NULL},          {"/a/b/", "a/b", NULL},
	    {"/^x.y$/ms", "1\nx\ny\n2", NULL},  {"//", "", NULL},
	    {"yes", NULL, "between slashes"},   {"/yes", NULL, "between slashes"},
	    {"/", NULL, "between slashes"},     {"", NULL, "between slashes"},
	    {"/yes/g", NULL, "only i, m or s"},
	};
	struct regex *regex;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fault fault = {0};
		bool good = regex_new_slashed(text_of(rows[i].slashed), nowhere, &regex, &fault);
		ck_assert_msg(good == (rows[i].says == NULL), "%s", rows[i].slashed);
		if (good) {
			ck_assert_int_eq(regex_search(regex, text_of(rows[i].subject)),
			                 REGEX_MATCH);
			regex_free(regex);
		} else {
			assert_fault_says(&fault, rows[i].says);
		}
	}
}
END_TEST

START_TEST(ecma_patterns_mean_what_ecma_says)
{
	static const struct {
		const char *pattern;
		struct text subject;
		bool match;
	} rows[] = {
	    {"^abc$", TEXT_INIT("abc\n"), false},
	    {"^abc$", TEXT_INIT("abc"), true},
	    {"^.$", TEXT_INIT("\r"), false},
	    {"^.$", TEXT_INIT("\xe2\x80\xa8"), false},
	    {"^.$", TEXT_INIT("\xf0\x9f\x98\x80"), true},
	    {"^[.]$", TEXT_INIT("a"), false},
	    {"^[a.]$", TEXT_INIT("b"), false},
	    {"^[a.]+$", TEXT_INIT("a."), true},
	    {"^[^]$", TEXT_INIT("\n"), true},
	    {"^[^]a$", TEXT_INIT("]a"), true},
	    {"[]", TEXT_INIT("]"), false},
	    {"^\\d$", TEXT_INIT("\xe0\xa7\xaa"), false}, /* a Bengali four */
	    {"^\\w$", TEXT_INIT("\xc3\xa9"), false},
	    {"^\\s$", TEXT_INIT("\xc2\xa0"), true},
	    {"^\\s$", TEXT_INIT("\xef\xbb\xbf"), true},
	    {"^\\s$", TEXT_INIT("\x0b"), true},
	    {"^\\s$", TEXT_INIT("\x01"), false},
	    {"^\\S$", TEXT_INIT("\xc2\xa0"), false},
	    {"^\\S$", TEXT_INIT("\xf0\x9f\x98\x80"), true},
	    {"^[\\s]$", TEXT_INIT("\xe3\x80\x80"), true},
	    {"^[^\\s]$", TEXT_INIT("\xe3\x80\x80"), false},
	    {"^[\\S]$", TEXT_INIT("x"), true},
	    {"^[\\S\\s]$", TEXT_INIT(" "), true},
	    {"^[^\\S]$", TEXT_INIT(" "), true},
	    {"^\\cA$", TEXT_INIT("\x01"), true},
	    {"^\\v$", TEXT_INIT("\n"), false},
	    {"^\\v$", TEXT_INIT("\x0b"), true},
	    {"^\\0$", TEXT_INIT("\0"), true},
	    {"^\\x41\\u0042\\u{43}$", TEXT_INIT("ABC"), true},
	    {"^\\x4$", TEXT_INIT("x4"), true},
	    {"^\\u12$", TEXT_INIT("u12"), true},
	    {"^\\u{zz}$", TEXT_INIT("u{zz}"), true},
	    {"^\\ud83d\\ude00$", TEXT_INIT("\xf0\x9f\x98\x80"), true},
	    {"^[\\ud83d\\ude00]$", TEXT_INIT("\xf0\x9f\x98\x80"), true},
	    {"a|\\ud83d", TEXT_INIT("b"), false},
	    {"^[a\\udc00]$", TEXT_INIT("a"), true},
	    {"[\\ud800-\\udfff]", TEXT_INIT("-"), false},
	    {"^[^\\ud800-\\udfff]$", TEXT_INIT("-"), true},
	    {"^[^\\ud800-\\udfff]$", TEXT_INIT("\xf0\x9f\x98\x80"), true},
	    {"^[\\u0020-\\udfff]$", TEXT_INIT("z"), true},
	    {"^[\\u0020-\\udfff]$", TEXT_INIT("\xee\x80\x80"), false},
	    {"^a\\ud83d*$", TEXT_INIT("a"), true},
	    {"^a[]*b[]?$", TEXT_INIT("ab"), true},
	    {"^[\\w-.]+$", TEXT_INIT("a-b.c"), true},
	    {"^[\\s-_]+$", TEXT_INIT(" -_"), true},
	    {"^[\\s-_]+$", TEXT_INIT("A"), false},
	    {"^[\\x01-\\s]$", TEXT_INIT("\x05"), false},
	    {"^[^\\d-\\p{L}]$", TEXT_INIT("-"), false},
	    {"^\\p{Letter}+$", TEXT_INIT("\xc3\xa9t\xc3\xa9"), true},
	    {"^\\p{General_Category=Decimal_Number}$", TEXT_INIT("\xe0\xa7\xaa"), true},
	    {"^\\p{Script=Greek}$", TEXT_INIT("\xcf\x80"), true},
	    {"^\\P{Letter}$", TEXT_INIT("a"), false},
	    {"^\\p{Lu}\\pL$", TEXT_INIT("Aa"), true},
	    {"^[[:alpha:]]$", TEXT_INIT("l]"), true},
	    {"^[[:alpha:]]$", TEXT_INIT("x"), false},
	    {"^[\\]]$", TEXT_INIT("]"), true},
	    {"^(a)?b\\1$", TEXT_INIT("b"), true},
	    {"^(?<year>\\d{4})-\\k<year>$", TEXT_INIT("2024-2024"), true},
	    {"^a\\/b\\-c$", TEXT_INIT("a/b-c"), true},
	    {"(?i)^ABC\\Z", TEXT_INIT("abc"), true}, /* Python's, passed through */
	    {"(?<!x)y(?!z)", TEXT_INIT("ay"), true},
	    {"a{,2}b", TEXT_INIT("a{,2}b"), true},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct regex *regex;
		struct fault fault = {0};
		ck_assert_msg(regex_new_ecma(text_of(rows[i].pattern), nowhere, &regex, &fault),
		              "%s: %s", rows[i].pattern, fault.message);
		ck_assert_msg((regex_search(regex, rows[i].subject) == REGEX_MATCH) ==
		                  rows[i].match,
		              "row %zu: %s", i, rows[i].pattern);
		regex_free(regex);
	}
}
END_TEST

START_TEST(an_ecma_pattern_cut_anywhere_does_no_harm)
{
	static const char whole[] = "[\\s\\ud83d\\ude00\\x41]\\p{Letter}\\u{1f600}\\0.\\S";
	struct regex *regex;

	for (size_t len = 0; len < sizeof(whole); len++) {
		char *exact = memory_new(len);
		struct fault fault = {0};
		memcpy(exact, whole, len);
		if (regex_new_ecma((struct text){exact, len}, nowhere, &regex, &fault))
			regex_free(regex);
		memory_free(exact);
	}
}
END_TEST

/* Each would run for minutes or overflow a stack; the runner's time limit is the judge. */
START_TEST(no_pattern_runs_away)
{
	static const struct {
		const char *pattern;
		enum regex_result results[2]; /* either is right */
	} rows[] = {
	    {"^(a|b)*$", {REGEX_MATCH, REGEX_LIMIT}},
	    {"^(a|b)*c?$", {REGEX_MATCH, REGEX_LIMIT}},
	    {"(a+)+$", {REGEX_MATCH, REGEX_MATCH}},
	    {"(a+)+[bc]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"(a|a)*[bc]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"(a|b)+[cd]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"a*[bc]", {REGEX_LIMIT, REGEX_MISS}},
	    {".*.*.*[xy]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"(?:(?=a*+)a)*[bc]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"(?=a*+)a[bc]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"^(((a?)*)*)*[bc]$", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"^(a?){200}a{200}[bc]", {REGEX_LIMIT, REGEX_LIMIT}},
	    {"(?R)?a", {REGEX_LIMIT, REGEX_MATCH}},
	    {"(*LIMIT_MATCH=4000000000)(*LIMIT_HEAP=4000000000)(a+)+[bc]",
	     {REGEX_LIMIT, REGEX_LIMIT}},
	};
	size_t len = 200000;
	char *subject = memory_new(len);

	memset(subject, 'a', len);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		enum regex_result result = search(rows[i].pattern, 0, (struct text){subject, len});
		ck_assert_msg(result == rows[i].results[0] || result == rows[i].results[1],
		              "%s: %d", rows[i].pattern, (int)result);
	}
	memory_free(subject);
}
END_TEST

START_TEST(searches_share_a_budget)
{
	struct regex *regex;
	struct fault fault = {0};
	uint64_t left = 1000;

	ck_assert(regex_new(TEXT("^[a-z]+[0-9]"), 0, nowhere, &regex, &fault));
	ck_assert_int_eq(regex_search_within(regex, TEXT("word7"), &left), REGEX_MATCH);
	ck_assert_uint_lt(left, 1000);
	for (int i = 0; i < 1000; i++)
		(void)!regex_search_within(regex, TEXT("word7"), &left);
	ck_assert_uint_eq(left, 0);
	ck_assert_int_eq(regex_search_within(regex, TEXT("word7"), &left), REGEX_LIMIT);
	ck_assert_int_eq(regex_search(regex, TEXT("word7")), REGEX_MATCH);
	regex_free(regex);
}
END_TEST

START_TEST(long_texts_are_searched)
{
	size_t len = 1 << 20;
	char *subject = memory_new(len);

	for (size_t i = 0; i < len; i++)
		subject[i] = "some words, and others; "[i % 24];
	memcpy(subject + len - 12, "date 2024-05", 12);
	struct text text = {subject, len};
	ck_assert_int_eq(search("\\b\\d{4}-\\d{2}\\b", 0, text), REGEX_MATCH);
	ck_assert_int_eq(search("\\w+\\s\\d", 0, text), REGEX_MATCH);
	ck_assert_int_eq(search("(?i)WORDS,.*DATE", REGEX_DOTALL, text), REGEX_MATCH);
	ck_assert_int_eq(search("[a-z]+[0-9]", 0, text), REGEX_MISS);
	memory_free(subject);
}
END_TEST

/* What is looked for before the pattern is tried; "" where nothing is, "a|b" where one of them. */
static const char *needles_of(const char *pattern)
{
	static char shown[NEEDLES_MAX * (NEEDLE_MAX_BYTES + 1) + 1];
	struct needle_set set;
	size_t len = 0;

	needles_read(text_of(pattern), false, &set);
	for (size_t i = 0; i < set.count; i++) {
		if (i > 0)
			shown[len++] = '|';
		memcpy(shown + len, set.items[i].bytes, set.items[i].len);
		len += set.items[i].len;
	}
	shown[len] = '\0';
	return shown;
}

START_TEST(what_a_match_must_hold_is_read_off_a_pattern)
{
	static const struct {
		const char *pattern, *needles;
	} rows[] = {
	    {"invoice", "invoice"},
	    {"(?i)\\bInvoice(s|ed)?\\b.{0,40}number 7", "number 7"},
	    {"(?i)\\b(refund|refund7)\\b", "refund"},
	    {"\\b[A-Z]{3}-042\\b", "-042"},
	    {"(?i)kubernetes", "ubernete"},
	    {"colou?rs", "colo"},
	    {"ab+cd", "ab"},
	    {"ab{2,3}cde", "cde"},
	    {"ab{0,3}cd", "cd"},
	    {"(?:abc|def)+x", "abc|def"},
	    {"(abc|d)efg", "efg"},
	    {"(abc)?de", "de"},
	    {"one|two", "one|two"},
	    {"one|t", ""},
	    {"one|", ""},
	    {"a\\.b\\/c", "a.b/c"},
	    {"[^\\]ab]cd", "cd"},
	    {"\xc3\xa9*ab", "ab"},
	    /* What is not understood tells nothing. */
	    {"[]ab]cd", ""},
	    {"[[:alpha:]]cd", ""},
	    {"(?=abc)", ""},
	    {"(?<!abc)def", ""},
	    {"abc\\Kdef", ""},
	    {"ab{3}{0}cd", ""},
	    {"ab{,3}cd", ""},
	    {"\\Qa*b\\E", ""},
	    {"\\x61bc", ""},
	    {"(abc)\\1", ""},
	    {"abc(?i)def", ""},
	    {"(?x)a b c", ""},
	    {"(*ANYCRLF)abc", ""},
	    {"", ""},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		ck_assert_msg(strcmp(needles_of(rows[i].pattern), rows[i].needles) == 0, "%s: '%s'",
		              rows[i].pattern, needles_of(rows[i].pattern));
}
END_TEST

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

/* Pieces put together at random; most of what comes out is a pattern. */
static void make_pattern(uint64_t *state, struct text_buf *out)
{
	static const char *const pieces[] = {
	    "a",     "b",           "ab",      "K",       "s",    "-",    ".",   "\\b",  "(ab|b)",
	    "(",     ")",           "|",       "*",       "+",    "?",    "{2}", "{0}",  "{1,2}",
	    "[ab]",  "[^a]",        "^",       "$",       "é",    "ba",   "(?:", "*?",   "++",
	    "\\.",   "\\w",         "[\\\\[]", "]",       "(?i)", "{",    "kb",  "(a|)", "(?=a",
	    "\\1",   "[[:alpha:]]", "\\Qa",    "[a\\]b]", "bab",  "abba", "-a",  "B-",   "(ba)+",
	    "b{0,}", "\\d?",        "a{2}{0}", "(?i:ab)", "\\Kb",
	};
	size_t count = 1 + next_random(state) % 7;

	if (next_random(state) % 3 == 0)
		(void)text_buf_add_c(out, next_random(state) % 2 ? "(?i)" : "(?im)");
	for (size_t i = 0; i < count; i++)
		(void)text_buf_add_c(out, pieces[next_random(state) % ARRAY_LENGTH(pieces)]);
}

static void make_subject(uint64_t *state, struct text_buf *out)
{
	static const char *const pieces[] = {"a", "b",  "ab", "ba",  "A", "B",
	                                     "-", ".",  "s",  "k",   "é", "\xe2\x84\xaa",
	                                     "ſ", "\n", " ",  "\xff"};
	size_t count = next_random(state) % (next_random(state) % 8 == 0 ? 200 : 12);

	for (size_t i = 0; i < count; i++)
		(void)text_buf_add_c(out, pieces[next_random(state) % ARRAY_LENGTH(pieces)]);
}

/* A comment in front hides what must be there: then PCRE2 alone answers. */
START_TEST(looking_first_changes_no_answer)
{
	enum { PATTERNS = 2000, SUBJECTS = 8 };
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
	struct text_buf pattern, hidden, subject;
	size_t looked = 0, matched = 0;

	text_buf_init(&pattern, 1 << 12);
	text_buf_init(&hidden, 1 << 12);
	text_buf_init(&subject, 1 << 12);
	for (int i = 0; i < PATTERNS; i++) {
		struct regex *quick, *plain;
		struct needle_set set;
		struct fault fault;
		pattern.len = 0;
		hidden.len = 0;
		make_pattern(&state, &pattern);
		(void)text_buf_format(&hidden, "(?#)%.*s", TEXT_ARG(text_buf_view(&pattern)));
		if (!regex_new(text_buf_view(&pattern), 0, nowhere, &quick, &fault))
			continue;
		ck_assert(regex_new(text_buf_view(&hidden), 0, nowhere, &plain, &fault));
		needles_read(text_buf_view(&pattern), false, &set);
		looked += set.count > 0;
		for (int j = 0; j < SUBJECTS; j++) {
			subject.len = 0;
			make_subject(&state, &subject);
			enum regex_result want = regex_search(plain, text_buf_view(&subject));
			ck_assert_msg(want == regex_search(quick, text_buf_view(&subject)),
			              "/%.*s/ in '%.*s'", TEXT_ARG(text_buf_view(&pattern)),
			              TEXT_ARG(text_buf_view(&subject)));
			matched += set.count > 0 && want == REGEX_MATCH;
		}
		regex_free(quick);
		regex_free(plain);
	}
	ck_assert_msg(looked > 200 && matched > 100, "%zu %zu", looked, matched);
	text_buf_done(&pattern);
	text_buf_done(&hidden);
	text_buf_done(&subject);
}
END_TEST

/* Of the letters that are looked for, no other character may be the same without regard to case. */
START_TEST(letters_fold_to_their_own_case_alone)
{
	enum { LAST_CODE_POINT = 0x2fff };
	char *others = memory_new(3 * (LAST_CODE_POINT + 1));
	size_t len = 0;

	for (uint32_t code_point = 0x80; code_point <= LAST_CODE_POINT; code_point++)
		len += text_utf8_encode(code_point, others + len);
	for (char letter = 'a'; letter <= 'z'; letter++) {
		char pattern[] = {letter, '-', '\0'};
		struct needle_set set;
		struct regex *regex;
		struct fault fault;
		needles_read(text_of(pattern), true, &set);
		ck_assert_uint_eq(set.count, letter != 'k' && letter != 's');
		if (set.count == 0)
			continue;
		pattern[1] = '\0';
		ck_assert(regex_new(text_of(pattern), REGEX_CASELESS, nowhere, &regex, &fault));
		ck_assert_int_eq(regex_search(regex, (struct text){others, len}), REGEX_MISS);
		regex_free(regex);
	}
	memory_free(others);
}
END_TEST

/* Wherever it stands, at all lengths around the blocks that are looked at together. */
START_TEST(a_needle_is_found_wherever_it_stands)
{
	char subject[300];
	struct needle_set set;

	needles_read(TEXT("nEedle-7"), true, &set);
	for (size_t len = 0; len < sizeof(subject); len += 1 + len / 90)
		for (size_t at = 0; at + 8 <= len; at++) {
			memset(subject, at % 2 ? 'x' : '-', sizeof(subject));
			memcpy(subject + at, "neEDle-7", 8);
			ck_assert(!needles_absent(&set, (struct text){subject, len}));
			ck_assert(needles_absent(&set, (struct text){subject, at + 7}));
			subject[at] = 'm';
			ck_assert(needles_absent(&set, (struct text){subject, len}));
		}
	ck_assert(needles_absent(&set, (struct text){NULL, 0}));
}
END_TEST

static void *search_thrice(void *context)
{
	const struct regex *regex = context;
	bool good = true;

	for (int i = 0; i < 3; i++)
		good = good && regex_search(regex, TEXT("word 7")) == REGEX_MATCH &&
		       regex_search(regex, TEXT("word")) == REGEX_MISS;
	return good ? context : NULL;
}

/* Its machine code is made by whichever thread searches first. */
START_TEST(threads_may_search_at_once)
{
	enum { THREADS = 4, PATTERNS = 50 };
	pthread_t threads[THREADS];
	struct fault fault;

	for (int i = 0; i < PATTERNS; i++) {
		struct regex *regex;
		ck_assert(regex_new(TEXT("\\b[a-z]+ \\d"), 0, nowhere, &regex, &fault));
		if (i % 2 == 0)
			regex_prepare(regex);
		for (int t = 0; t < THREADS; t++)
			ck_assert_int_eq(pthread_create(&threads[t], NULL, search_thrice, regex),
			                 0);
		for (int t = 0; t < THREADS; t++) {
			void *result;
			ck_assert_int_eq(pthread_join(threads[t], &result), 0);
			ck_assert_ptr_eq(result, regex);
		}
		regex_free(regex);
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, threads_may_search_at_once);
	tcase_add_test(cases, what_a_match_must_hold_is_read_off_a_pattern);
	tcase_add_test(cases, looking_first_changes_no_answer);
	tcase_add_test(cases, letters_fold_to_their_own_case_alone);
	tcase_add_test(cases, a_needle_is_found_wherever_it_stands);
	tcase_add_test(cases, patterns_match_anywhere);
	tcase_add_test(cases, bytes_that_are_not_utf8_never_match);
	tcase_add_test(cases, groups_are_found);
	tcase_add_test(cases, wrong_patterns_are_faults);
	tcase_add_test(cases, slashes_carry_flags);
	tcase_add_test(cases, ecma_patterns_mean_what_ecma_says);
	tcase_add_test(cases, an_ecma_pattern_cut_anywhere_does_no_harm);
	tcase_add_test(cases, no_pattern_runs_away);
	tcase_add_test(cases, searches_share_a_budget);
	tcase_add_test(cases, long_texts_are_searched);
}

int main(void)
{
	return unit_main("regex", add);
}
