/* What the vision cases make of the words that providers use. */
#include "cases/suite.h"
#include "tests/unit/cases/judging.h"

static struct suite suite;

static void set_up(void)
{
	struct fault_list *faults = memory_new(sizeof(*faults));

	judging_setup();
	ck_assert(suite_load(&suite, true, NULL, faults));
	memory_free(faults);
}

static void tear_down(void)
{
	suite_done(&suite);
	judging_teardown();
}

/* The gravest finding of that case's step where the answer is an error (or a success) like this. */
static enum finding_kind found(const char *id, size_t step, int status, const char *message)
{
	const struct eval_case *eval_case = suite_find(&suite, text_of(id));
	struct findings findings = {0};
	struct text body = text_format(
	    &judging.arena,
	    "{\"error\":{\"message\":\"%s\",\"type\":\"e\",\"param\":null,\"code\":null}}",
	    message);

	judging.seen.features = &eval_case->vouches;
	judging.seen.request = eval_case->steps[step].request;
	if (status == 200)
		judging_content("yes");
	else
		judging_answered(status, "application/json", body.data);
	expect_check(eval_case->steps[step].expect, &judging.seen, &judging.arena, &findings);
	return findings.gravest;
}

START_TEST(a_fetch_that_fails_shows_that_images_are_fetched)
{
	static const struct {
		const char *message;
		enum finding_kind kind;
	} known[] = {
	    {"Error while downloading https://images.invalid/x.png.", FINDING_NONE},
	    {"Failed to download image from https://images.invalid/x.png", FINDING_NONE},
	    {"Unable to download the file. Please verify the URL and try again.", FINDING_NONE},
	    {"Cannot fetch content from the provided URL.", FINDING_NONE},
	    {"Cannot connect to host images.invalid:443", FINDING_NONE},
	    {"The URL is invalid or not valid for us", FINDING_NONE},
	    {"invalid image input", FINDING_REFUSED},
	    {"Only base64 images are supported, cannot load others", FINDING_REFUSED},
	    {"fetching image URLs is not supported", FINDING_REFUSED},
	    {"this model has no eyes", FINDING_REFUSED},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		ck_assert_msg(found("VI-02", 0, 400, known[i].message) == known[i].kind, "%s",
		              known[i].message);
	ck_assert_int_eq(found("VI-02", 0, 200, ""), FINDING_IGNORED);
	ck_assert_int_eq(found("VI-02", 0, 500, "oops"), FINDING_VIOLATION);
	/* Elsewhere a success where an error is due breaks the wire. */
	ck_assert_int_eq(found("ER-09", 0, 200, ""), FINDING_VIOLATION);
}
END_TEST

START_TEST(a_model_that_sees_nothing_refuses_images_and_proves_nothing_about_broken_ones)
{
	static const char blind[] = "This model does not support image input";

	ck_assert_int_eq(found("VI-01", 0, 400, blind), FINDING_REFUSED);
	ck_assert_int_eq(found("VI-04", 0, 400, blind), FINDING_REFUSED);
	ck_assert_int_eq(found("VI-04", 1, 400, "not an image"), FINDING_NONE);
	ck_assert_int_eq(found("VI-04", 1, 200, ""), FINDING_VIOLATION);
	/* Only where an image was sent is the word a refusal. */
	ck_assert_int_eq(found("CH-01", 0, 400, blind), FINDING_VIOLATION);
}
END_TEST

START_TEST(what_asks_for_images_is_known)
{
	ck_assert(suite_find(&suite, TEXT("VI-04"))->images);
	ck_assert(!suite_find(&suite, TEXT("CH-01"))->images);
	ck_assert_uint_eq(suite_find(&suite, TEXT("RS-03"))->endpoints, 1u << ENDPOINT_RESPONSES);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_fetch_that_fails_shows_that_images_are_fetched);
	tcase_add_test(
	    cases, a_model_that_sees_nothing_refuses_images_and_proves_nothing_about_broken_ones);
	tcase_add_test(cases, what_asks_for_images_is_known);
}

int main(void)
{
	return unit_main("vision", add);
}
