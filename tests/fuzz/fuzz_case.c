/*
 * Case files and expectations: a case file, a line of "=====", and a reply to judge. What is
 * read twice has one hash, what is judged twice one judgement, what is filled is recognised.
 */
#include "cases/case_file.h"
#include "cases/expect/expect.h"
#include "cases/resources.h"
#include "providers/dialect/dialect.h"
#include "providers/reply/reply_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct text reply_bytes;

/* A table beside the file: the reply serves as one. */
static bool open_rows(void *context, struct text name, struct source **out, struct fault *fault)
{
	(void)name;
	(void)fault;
	*out = ARENA_NEW(context, struct source);
	**out = (struct source){TEXT("rows.csv"), reply_bytes};
	return true;
}

static struct case_reader read_cases(const struct source *source, struct arena *arena,
                                     struct suite_resources *resources, struct fault_list *faults)
{
	struct case_reader reader = {.arena = arena,
	                             .resources = resources,
	                             .faults = faults,
	                             .max_cases = 50,
	                             .open_rows = open_rows,
	                             .context = arena};

	*faults = (struct fault_list){0};
	bool good = case_file_read(&reader, source);
	REQUIRE(good == (faults->errors == 0));
	return reader;
}

/* Filler and earlier replies are wild when matched: only without them is it sure to match. */
static bool is_wild(const struct json *node)
{
	if (json_is(node, JSON_STRING) &&
	    (text_find(node->text, TEXT("words"), 0) != TEXT_NOT_FOUND ||
	     text_find(node->text, TEXT("overflow"), 0) != TEXT_NOT_FOUND ||
	     text_find(node->text, TEXT("steps"), 0) != TEXT_NOT_FOUND))
		return true;
	JSON_EACH(child, node)
	if (is_wild(child))
		return true;
	return false;
}

static struct json *fill(const struct case_step *step, const struct template_values *values,
                         struct arena *arena)
{
	static const char *const added[] = {"model", "stream", "stream_options", NULL};
	struct template_target target = {TEXT_INIT("m"), true, step->usage_asked};
	struct template_values captured = {.context_tokens = -1};
	struct fault fault;
	struct text body;
	struct json *root;

	if (step->request == NULL ||
	    !template_body(step->request, values, &target, arena, &body, &fault))
		return NULL;
	REQUIRE(json_read_text(body, "body", arena, &root, &fault));
	if (!is_wild(step->request))
		REQUIRE(template_matches(step->request, root, added, arena, &captured));
	return root;
}

static void judge(const struct eval_case *eval_case, struct arena *arena)
{
	struct template_values values = {.context_tokens = 64};

	template_nonces(&values, TEXT("s"), TEXT("t"), eval_case->id, 0, arena);
	for (size_t i = 0; i < eval_case->step_count; i++) {
		const struct case_step *step = &eval_case->steps[i];
		struct exchange exchange = {.body = reply_bytes, .end = EXCHANGE_COMPLETE};
		struct reply_context context = {.status = reply_bytes.len % 3 == 0 ? 400 : 200};
		struct findings first = {0}, second = {0};
		exchange.status = context.status;
		struct observation seen = {.exchange = &exchange,
		                           .reply = reply_read(&context, reply_bytes, arena),
		                           .request = fill(step, &values, arena),
		                           .values = &values,
		                           .streamed = step->streams == 1,
		                           .features = &eval_case->vouches};
		expect_check(step->expect, &seen, arena, &first);
		expect_check(step->expect, &seen, arena, &second);
		REQUIRE(first.count == second.count && first.gravest == second.gravest);
		REQUIRE(first.count == 0 || first.gravest != FINDING_NONE);
		values.steps[values.step_count++] = seen.reply;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text whole = {(const char *)data, size};
	struct arena arena = {0};
	struct suite_resources *resources = resources_new();
	struct fault_list *faults = memory_new(sizeof(*faults));
	size_t border = text_find(whole, TEXT("\n=====\n"), 0);

	reply_bytes =
	    border == TEXT_NOT_FOUND ? TEXT("{}") : text_slice(whole, border + 7, whole.len);
	struct source source = {TEXT("case.yaml"), text_slice(whole, 0, border)};
	struct case_reader first = read_cases(&source, &arena, resources, faults);
	for (size_t i = 0; faults->errors == 0 && i < first.count; i++) {
		struct eval_case *eval_case = &first.cases[i];
		if (eval_case->like.data != NULL || !case_check(eval_case, &arena, faults))
			continue;
		case_hash(eval_case, &arena);
		judge(eval_case, &arena);
	}
	if (faults->errors == 0 && first.count > 0 && first.cases[0].hash[0] != '\0') {
		struct case_reader second = read_cases(&source, &arena, resources, faults);
		case_hash(&second.cases[0], &arena);
		REQUIRE(strcmp(first.cases[0].hash, second.cases[0].hash) == 0);
	}
	resources_free(resources);
	memory_free(faults);
	arena_done(&arena);
	return 0;
}
