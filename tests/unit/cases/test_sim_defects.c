/*
 * The suite against the simulator, without a socket: unbroken, it satisfies every case in
 * both variants; broken, each defect is noticed by the case it is named after, and by no
 * other than those that its row names.
 */
#include "cases/expect/expect.h"
#include "cases/reference.h"
#include "cases/suite.h"
#include "harness/base/json_write.h"
#include "providers/reply/reply_reader.h"
#include "providers/sim/sim_private.h"
#include "tests/unit/unit.h"

enum {
	CELLS_MAX = 1024,
	SIM_REFERENCE_TOKENS = 28, /* that the simulator counts for US-05's question */
};

/* That it tells of itself in CO-05.record. */
/* What earlier runs have seen: 1970, for the exchanges of this test have no date. */
#define SIM_HOURS                                                                                  \
	"hours 1970-01-01T00:00:00Z 8 ms, 1970-01-01T04:00:00Z 9 ms, 1970-01-01T08:00:00Z 9 ms"
#define SIM_IDENTITY "identity 23 34 42 fingerprint fp_sim0000001"

/* That it bills by. */
static const struct price sim_price = {.known = true,
                                       .base = {.input = SIM_INPUT_PICO_USD * INT64_C(1000000),
                                                .cached_input = -1,
                                                .cache_write = -1,
                                                .cache_write_1h = -1,
                                                .output = SIM_OUTPUT_PICO_USD * INT64_C(1000000),
                                                .reasoning = -1}};

static struct suite suite;
static struct sim_setup setup;
static struct arena arena;
static int64_t serial;
static bool connection_closed; /* by the last answer */

/* One step as it was asked and answered. */
struct asked {
	struct exchange exchange;
	struct sim_output output;
	const struct chat_reply *reply;
	struct json *request; /* NULL: no JSON */
};

static void open_suite(void)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text_list none = {0};
	bool good = suite_load(&suite, true, &none, faults);

	ck_assert_msg(good, "%s", faults->count > 0 ? faults->items[0].message : "?");
	memory_free(faults);
}

static void close_suite(void)
{
	suite_done(&suite);
	arena_done(&arena);
}

static void start_sim(const char *breaks)
{
	struct sim_options options = sim_defaults;
	struct text name = text_of(breaks);
	struct fault fault;

	options.oracle = reference_oracle(&suite);
	options.breaks = &name;
	options.break_count = breaks == NULL ? 0 : 1;
	ck_assert_msg(sim_setup_init(&setup, &options, &fault), "%s", fault.message);
}

static struct text collect(const struct sim_output *output)
{
	struct text_buf out;

	if (output->stream == NULL)
		return output->body;
	text_buf_init(&out, SIM_BODY_MAX_BYTES);
	for (size_t i = 0; i < output->stream->end; i++)
		sim_stream_write(output->stream, i, &out);
	struct text bytes = text_copy(&arena, text_buf_view(&out));
	text_buf_done(&out);
	return bytes;
}

static struct text body_of(const struct case_step *step, const struct template_values *values,
                           bool streamed)
{
	struct template_target target = {TEXT_INIT("sim-small"), streamed, step->usage_asked};
	struct text body;
	struct fault fault;

	if (step->request == NULL && step->raw.data == NULL)
		return TEXT(""); /* a GET has none */
	size_t padding;
	bool good = step->request == NULL
	                ? template_fill_text(step->raw, values, &arena, &body, &fault)
	                : template_body(step->request, values, &target, &arena, &body, &fault);

	return good ? case_step_pad(step, body, &arena, &padding) : (struct text){0};
}

/* The moments at which the pieces of a stream leave the simulator. */
static void time_chunks(struct asked *asked)
{
	const struct sim_stream *stream = asked->output.stream;
	struct exchange *exchange = &asked->exchange;
	struct text_buf bytes;
	int64_t at_us = 0;

	exchange->chunks = ARENA_NEW_ARRAY(&arena, struct exchange_chunk, stream->end + 1);
	text_buf_init(&bytes, SIM_BODY_MAX_BYTES);
	for (size_t i = 0; i < stream->end; i++) {
		sim_stream_write(stream, i, &bytes);
		if (i == 0 || !stream->burst)
			at_us += 1000 * sim_stream_wait_ms(stream, i) + 1;
		bool joins = exchange->chunk_count > 0 && stream->burst;
		exchange->chunks[joins ? 0 : exchange->chunk_count++] =
		    (struct exchange_chunk){at_us, bytes.len};
	}
	text_buf_done(&bytes);
}

/* What a transport would see of how the answer came. */
static void travel(const struct case_step *step, struct asked *asked)
{
	struct exchange *exchange = &asked->exchange;
	bool coded = exchange_header(exchange, "content-encoding").data != NULL;

	if (asked->output.stream != NULL)
		time_chunks(asked);
	if (asked->output.no_answer) {
		exchange->status = 0;
		exchange->end = EXCHANGE_CUT;
	} else if (coded && !asked->output.gzip) {
		exchange->end = EXCHANGE_BAD_HTTP; /* it can't be decoded */
	} else if (step->wire.leave_after_events > 0 && asked->output.stream != NULL &&
	           (int64_t)asked->output.stream->end > step->wire.leave_after_events) {
		exchange->end = EXCHANGE_LEFT;
	}
	exchange->reused = step->wire.same && !connection_closed;
	connection_closed = asked->output.closes;
}

/* Read piece by piece, each at its time. */
static const struct chat_reply *read_pieces(const struct reply_context *context,
                                            const struct exchange *exchange)
{
	struct reply_reader *reader = reply_reader_new(context, &arena);
	size_t from = 0;

	for (size_t i = 0; i < exchange->chunk_count; i++) {
		reply_reader_feed(reader, text_slice(exchange->body, from, exchange->chunks[i].end),
		                  exchange->chunks[i].at_us);
		from = exchange->chunks[i].end;
	}
	if (from < exchange->body.len)
		reply_reader_feed(reader, text_slice(exchange->body, from, exchange->body.len), 0);
	const struct chat_reply *reply = reply_reader_end(reader, context->cut);
	reply_reader_done(reader);
	return reply;
}

static const struct chat_reply *read_answer(const struct asked *asked, struct text body,
                                            bool streamed, bool usage_asked)
{
	struct chat_request *request = ARENA_NEW(&arena, struct chat_request);
	struct reply_context context = {
	    .request = request,
	    .status = asked->output.status,
	    .content_type = exchange_header(&asked->exchange, "content-type"),
	};

	request->body = body;
	request->streamed = streamed;
	request->usage_asked = streamed && usage_asked;
	context.cut = asked->exchange.end != EXCHANGE_COMPLETE;
	return read_pieces(&context, &asked->exchange);
}

/* False where a template could not be filled: an earlier step did not bring what it needs. */
static bool ask(const struct case_step *step, const struct template_values *values, bool streamed,
                struct asked *asked)
{
	static const char *const keys[] = {
	    [AUTH_KEY] = "Bearer sim-key", [AUTH_WRONG_KEY] = "Bearer x", [AUTH_NONE] = NULL};
	static const char *const paths[ENDPOINT_COUNT] = {
	    [ENDPOINT_CHAT] = "/v1/chat/completions", [ENDPOINT_COMPLETIONS] = "/v1/completions",
	    [ENDPOINT_EMBEDDINGS] = "/v1/embeddings", [ENDPOINT_RESPONSES] = "/v1/responses",
	    [ENDPOINT_MESSAGES] = "/v1/messages",     [ENDPOINT_MODELS] = "/v1/models"};
	const char *usual = step->endpoint == ENDPOINT_MODELS ? "GET" : "POST";
	struct text body = body_of(step, values, streamed);
	struct sim_request request = {
	    .method = text_of(step->method != NULL ? step->method : usual),
	    .path = text_of(paths[step->endpoint]),
	    .authorization = text_of(keys[step->auth]),
	    .body = body,
	    .serial = ++serial,
	    .wall_ms = 1795255200123,
	    .takes_gzip = text_is(step->wire.accept_encoding, "gzip"),
	    .wants_h2 = step->wire.http2,
	};
	struct fault fault;

	if (body.data == NULL)
		return false;
	*asked = (struct asked){0};
	sim_route(&setup, &request, &arena, &asked->output);
	asked->exchange.started_wall_ms = request.wall_ms;
	asked->exchange.status = asked->output.status;
	asked->exchange.headers = asked->output.headers;
	asked->exchange.header_count = asked->output.header_count;
	asked->exchange.request_body = body;
	asked->exchange.body = collect(&asked->output);
	asked->exchange.http_version = 11;
	travel(step, asked);
	asked->reply = read_answer(asked, body, streamed, step->usage_asked);
	if (!json_read_text(body, "request", &arena, &asked->request, &fault))
		asked->request = NULL;
	return true;
}

static bool is_streamed(const struct case_step *step, enum case_variant variant)
{
	return step->streams == -1 ? variant == CASE_STREAM : step->streams == 1;
}

static bool ask_step(const struct eval_case *eval_case, enum case_variant variant, size_t at,
                     const struct template_values *values, struct asked *asked)
{
	const struct case_step *step = &eval_case->steps[at];
	struct template_values own;

	template_copy_values(values, step->copy, &arena, &own);
	return ask(step, &own, is_streamed(step, variant), asked);
}

/* What is wrong with that step; data NULL: nothing. Copies are asked one after the other here. */
static struct text find(const struct eval_case *eval_case, enum case_variant variant, size_t at,
                        const struct template_values *values, const struct asked *asked)
{
	const struct case_step *step = &eval_case->steps[at];
	struct observed_copy copies[CASE_MAX_STEPS], earlier[CASE_MAX_STEPS];
	struct template_values own;
	struct findings findings = {0};
	struct observation observation = {
	    .exchange = &asked[at].exchange,
	    .reply = asked[at].reply,
	    .request = asked[at].request,
	    .values = &own,
	    .endpoint = step->endpoint,
	    .wire = &step->wire,
	    .streamed = is_streamed(step, variant),
	    .features = &eval_case->vouches,
	};

	template_copy_values(values, step->copy, &arena, &own);
	for (size_t i = 0; i < step->copies; i++)
		copies[i] = (struct observed_copy){&asked[at - step->copy + i].exchange,
		                                   asked[at - step->copy + i].reply};
	for (size_t i = 0; i < at; i++)
		earlier[i] = (struct observed_copy){&asked[i].exchange, asked[i].reply};
	observation.earlier = earlier;
	observation.earlier_count = at;
	if (step->copies > 1) {
		observation.first_values = values;
		observation.copies = copies;
		observation.copy_count = step->copies;
		observation.copy = step->copy;
	}
	expect_check(step->expect, &observation, &arena, &findings);
	return findings.gravest == FINDING_NONE
	           ? (struct text){0}
	           : text_format(&arena, "step %zu: %.*s", at, TEXT_ARG(findings.items[0].text));
}

/* What is wrong in the eyes of that cell; data NULL: nothing. */
static struct text judge(const struct eval_case *eval_case, enum case_variant variant)
{
	struct template_values *values = ARENA_NEW(&arena, struct template_values);
	struct asked *asked = ARENA_NEW_ARRAY(&arena, struct asked, eval_case->step_count);
	struct text finding;

	/* As large a window as the case needs, and no larger: prompts that fill it take time. */
	setup.context = int64_max(sim_defaults.context, eval_case->min_context);
	*values = (struct template_values){.model = TEXT("sim-small"),
	                                   .context_tokens = setup.context,
	                                   .reference_tokens = SIM_REFERENCE_TOKENS,
	                                   .identity = TEXT(SIM_IDENTITY),
	                                   .hours = TEXT(SIM_HOURS),
	                                   .prices = &sim_price};
	template_nonces(values, TEXT("seed"), TEXT("sim/sim-small"),
	                suite.cases[eval_case->probe].id, 0, &arena);
	for (size_t i = 0; i < eval_case->step_count; i++) {
		size_t first, end;

		case_group(eval_case, i, &first, &end);
		if (!ask_step(eval_case, variant, i, values, &asked[i]))
			return TEXT("a later step could not be asked");
		values->steps[i] = asked[i].reply;
		if (i + 1 < end)
			continue;
		for (size_t at = first; at < end; at++) {
			finding = find(eval_case, variant, at, values, asked);
			if (finding.data != NULL)
				return finding;
		}
		values->step_count = end;
	}
	return (struct text){0};
}

/* All that is wrong is shown, not the first only: as diagnostics of the TAP output. */
PRINTF_LIKE(1, 2)
static int tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("# ", stderr);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
	va_end(arguments);
	return 1;
}

START_TEST(the_unbroken_simulator_satisfies_every_case)
{
	int wrong = 0;

	start_sim(NULL);
	for (size_t i = 0; i < suite.count; i++)
		for (int variant = 0; variant < CASE_VARIANTS; variant++) {
			if (!suite.cases[i].variants[variant])
				continue;
			struct text finding = judge(&suite.cases[i], (enum case_variant)variant);
			if (finding.data != NULL)
				wrong += tell("%.*s (%s): %.*s", TEXT_ARG(suite.cases[i].id),
				              case_variant_names[variant], TEXT_ARG(finding));
		}
	sim_setup_done(&setup);
	ck_assert_msg(wrong == 0, "%d things are wrong; see above", wrong);
}
END_TEST

static bool is_listed(const char *list, struct text label)
{
	struct text rest = text_of(list), field;

	while (text_next_field(&rest, ' ', &field)) {
		bool whole_case = text_find_byte(field, '~', 0) == TEXT_NOT_FOUND;
		size_t end = text_find_byte(label, '~', 0);

		if (text_equal(field, label) ||
		    (whole_case && text_equal(field, text_slice(label, 0, end))))
			return true;
	}
	return false;
}

/* What one defect comes to: which cells notice it. */
struct notice {
	struct text labels[CELLS_MAX];
	struct text findings[CELLS_MAX];
	size_t count;
};

static void notice(const struct sim_defect_info *row, struct notice *out)
{
	out->count = 0;
	for (size_t i = 0; i < suite.count * CASE_VARIANTS && out->count < CELLS_MAX; i++) {
		const struct eval_case *one = &suite.cases[i / CASE_VARIANTS];
		enum case_variant variant = (enum case_variant)(i % CASE_VARIANTS);

		/* Long prompts take their time: of what has nothing to do with them they tell
		 * nothing. */
		bool named = is_listed(row->id, one->id) || is_listed(row->affects, one->id);
		if (!one->variants[variant] || (one->min_context > sim_defaults.context && !named))
			continue;
		struct text finding = judge(one, variant);
		if (finding.data == NULL)
			continue;
		out->labels[out->count] = case_label(one, variant, &arena);
		out->findings[out->count++] = finding;
	}
}

static bool notices(const struct notice *notice, struct text label)
{
	for (size_t i = 0; i < notice->count; i++)
		if (is_listed(text_c(&arena, label), notice->labels[i]))
			return true;
	return false;
}

static int check_row(const struct sim_defect_info *row)
{
	struct notice *noticed = memory_new(sizeof(*noticed));
	struct text rest = text_of(row->affects), field;
	int wrong = 0;

	start_sim(row->id);
	notice(row, noticed);
	sim_setup_done(&setup);
	if (!notices(noticed, text_of(row->id)))
		wrong += tell("%s is not noticed by its case", row->id);
	for (size_t i = 0; i < noticed->count; i++)
		if (!is_listed(row->id, noticed->labels[i]) &&
		    !is_listed(row->affects, noticed->labels[i]))
			wrong += tell("%s is noticed by %.*s: %.*s", row->id,
			              TEXT_ARG(noticed->labels[i]), TEXT_ARG(noticed->findings[i]));
	while (text_next_field(&rest, ' ', &field)) {
		struct text id = text_slice(field, 0, text_find_byte(field, '~', 0));
		if (suite_find(&suite, id) != NULL && !notices(noticed, field))
			wrong += tell("%s names %.*s, which does not notice it", row->id,
			              TEXT_ARG(field));
	}
	memory_free(noticed);
	arena_reset(&arena);
	return wrong;
}

START_TEST(each_defect_is_noticed_by_its_case_and_by_those_it_names)
{
	int wrong = 0;

	for (const struct sim_defect_info *row = sim_defects; row->id != NULL; row++)
		if (suite_find(&suite, text_of(row->id)) != NULL)
			wrong += check_row(row);
	ck_assert_msg(wrong == 0, "%d things are wrong; see above", wrong);
}
END_TEST

START_TEST(each_gate_case_has_its_defect)
{
	for (size_t i = 0; i < suite.count; i++) {
		const struct sim_defect_info *row = sim_defects;

		while (row->id != NULL && !text_is(suite.cases[i].id, row->id))
			row++;
		ck_assert_msg(row->id != NULL || suite.cases[i].severity != CASE_GATE,
		              "%.*s has no defect", TEXT_ARG(suite.cases[i].id));
	}
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, open_suite, close_suite);
	tcase_add_test(cases, the_unbroken_simulator_satisfies_every_case);
	tcase_add_test(cases, each_gate_case_has_its_defect);
	tcase_add_test(cases, each_defect_is_noticed_by_its_case_and_by_those_it_names);
}

int main(void)
{
	return unit_main("sim_defects", add);
}
