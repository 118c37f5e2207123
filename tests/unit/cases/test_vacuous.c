/*
 * No case of the suite is vacuous: a provider that answers every question with {}, with an
 * empty stream or with nothing but [DONE] passes none; nor does one that refuses every question
 * by a status and says nothing of why.
 */
#include "cases/expect/expect.h"
#include "cases/suite.h"
#include "providers/reply/reply_reader.h"
#include "tests/unit/unit.h"

/* What says nothing, as a success. */
struct silence {
	const char *what, *content_type, *body;
};

static const struct silence plain_silences[] = {
    {"{}", "application/json", "{}"},
    {"no body", "application/json", ""},
    {"null", "application/json", "null"},
    {"no choices", "application/json", "{\"choices\":[]}"},
};
static const struct silence stream_silences[] = {
    {"an empty stream", "text/event-stream", ""},
    {"nothing but [DONE]", "text/event-stream", "data: [DONE]\n\n"},
    {"an empty chunk", "text/event-stream", "data: {}\n\ndata: [DONE]\n\n"},
    {"no choices", "text/event-stream", "data: {\"choices\":[]}\n\ndata: [DONE]\n\n"},
};

/* An error by its status alone: no program can tell what was wrong. */
static const struct silence error_silences[] = {
    {"{}", "application/json", "{}"},
    {"no body", "application/json", ""},
    {"an empty error", "application/json", "{\"error\":{}}"},
    {"a page", "text/html", "<html><body>no</body></html>"},
};
static const int error_statuses[] = {400, 401, 402, 403, 404, 405, 413, 422, 429, 500, 501, 503};

static struct suite suite;
static struct arena arena;

static void open_suite(void)
{
	struct fault_list *faults = memory_new(sizeof(*faults));

	ck_assert(suite_load(&suite, true, NULL, faults));
	memory_free(faults);
}

static void close_suite(void)
{
	suite_done(&suite);
	arena_done(&arena);
}

/* The request as a tree, so that fates and tools can be judged; NULL where it is none yet. */
static struct json *request_of(const struct case_step *step, const struct template_values *values)
{
	struct json *filled;
	struct fault fault;

	if (step->request == NULL || !template_fill(step->request, values, &arena, &filled, &fault))
		return NULL;
	return filled;
}

static bool finds_something(const struct eval_case *eval_case, size_t at, bool streamed, int status,
                            const struct silence *silence, struct template_values *values)
{
	const struct case_step *step = &eval_case->steps[at];
	struct http_header header = {TEXT("content-type"), text_of(silence->content_type)};
	struct exchange exchange = {.status = status,
	                            .headers = &header,
	                            .header_count = 1,
	                            .body = text_of(silence->body)};
	struct chat_request request = {
	    .body = TEXT("{}"), .streamed = streamed, .usage_asked = streamed && step->usage_asked};
	struct reply_context context = {
	    .request = &request, .status = status, .content_type = header.value};
	const struct chat_reply *reply = reply_read(&context, exchange.body, &arena);
	struct findings findings = {0};
	struct observation seen = {.exchange = &exchange,
	                           .reply = reply,
	                           .request = request_of(step, values),
	                           .values = values,
	                           .endpoint = step->endpoint,
	                           .streamed = streamed,
	                           .features = &eval_case->vouches};

	expect_check(step->expect, &seen, &arena, &findings);
	values->steps[values->step_count++] = reply;
	return findings.gravest != FINDING_NONE;
}

/* The silence of a success, or with an error's status that says nothing else. */
static bool notices(const struct eval_case *eval_case, bool stream, int status, size_t which)
{
	struct template_values values = {.context_tokens = 1000};
	bool found = false;

	template_nonces(&values, TEXT("s"), TEXT("t"), eval_case->id, 0, &arena);
	for (size_t i = 0; i < eval_case->step_count; i++) {
		int streams = eval_case->steps[i].streams;
		bool streamed = streams == -1 ? stream : streams == 1;
		const struct silence *silence =
		    status >= 400 ? &error_silences[which]
		    : streamed    ? &stream_silences[which]
			       : &plain_silences[size_min(which, ARRAY_LENGTH(plain_silences) - 1)];
		found = finds_something(eval_case, i, streamed, status, silence, &values) || found;
	}
	return found;
}

START_TEST(silence_passes_no_case)
{
	for (size_t i = 0; i < suite.count; i++)
		for (int variant = 0; variant < CASE_VARIANTS; variant++)
			for (size_t which = 0; which < ARRAY_LENGTH(stream_silences); which++) {
				if (!suite.cases[i].variants[variant])
					continue;
				ck_assert_msg(
				    notices(&suite.cases[i], variant == CASE_STREAM, 200, which),
				    "%.*s (%s) is satisfied by %s", TEXT_ARG(suite.cases[i].id),
				    case_variant_names[variant], stream_silences[which].what);
			}
}
END_TEST

/* Of these the status is all that is asked: it tells what the case is about. */
static bool may_be_a_status_alone(const struct eval_case *eval_case, int status)
{
	static const struct {
		const char *id;
		int status;
	} rows[] = {
	    {"ER-19", 402}, /* payment required: another status than too many requests */
	    {"ER-21", 404},
	    {"ER-21", 405}, /* another method than POST */
	    {"HT-08", 413}, /* a body that is too large is refused and not reset */
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (text_is(eval_case->id, rows[i].id) && rows[i].status == status)
			return true;
	return false;
}

static void check_statuses(const struct eval_case *eval_case, int variant, int status)
{
	for (size_t which = 0; which < ARRAY_LENGTH(error_silences); which++)
		ck_assert_msg(notices(eval_case, variant == CASE_STREAM, status, which) !=
		                  may_be_a_status_alone(eval_case, status),
		              "%.*s (%s): status %d and %s", TEXT_ARG(eval_case->id),
		              case_variant_names[variant], status, error_silences[which].what);
}

START_TEST(a_status_alone_passes_no_case)
{
	for (size_t i = 0; i < suite.count; i++)
		for (int variant = 0; variant < CASE_VARIANTS; variant++)
			for (size_t s = 0; s < ARRAY_LENGTH(error_statuses); s++)
				if (suite.cases[i].variants[variant])
					check_statuses(&suite.cases[i], variant, error_statuses[s]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, open_suite, close_suite);
	tcase_add_test(cases, silence_passes_no_case);
	tcase_add_test(cases, a_status_alone_passes_no_case);
}

int main(void)
{
	return unit_main("vacuous", add);
}
