/* Patterns: what they match, in both dialects, and that none of them takes our time. */
#include "tests/unit/unit.h"

#include "harness/base/regex.h"

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

static void add(TCase *cases)
{
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
