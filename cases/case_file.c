/* Reading one case file: what its keys mean, and what is wrong with them; see case_file.h. */
#include "cases/case_file.h"

#include "cases/case_keys.h"
#include "cases/case_table.h"
#include "cases/expect/expect.h"
#include "cases/reference.h"
#include "harness/base/yaml.h"

enum {
	METHOD_MAX_BYTES = 16,
	CAPABILITY_MAX_BYTES = 100, /* a column's head in every report */
};

/* Enough has been said: naming more places would only cost time. */
static bool is_full(const struct case_reader *reader)
{
	return fault_list_is_full(reader->faults) && reader->faults->errors > 0;
}

static bool is_upper(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

/* --- steps ------------------------------------------------------------------------------ */

/* Where a step's key stands, or the step itself. */
static struct place key_place(const struct step_keys *keys, const char *name)
{
	const struct json *member = json_member(keys->node, name);

	return json_place(member == NULL ? keys->node : member);
}

static void read_method(const struct case_reader *reader, const struct step_keys *keys,
                        struct case_step *out)
{
	bool good = keys->method.len <= METHOD_MAX_BYTES;

	if (keys->method.data == NULL)
		return;
	for (size_t i = 0; i < keys->method.len; i++)
		good = good && is_upper(keys->method.data[i]);
	if (good && keys->method.len > 0)
		out->method = text_c(reader->arena, keys->method);
	else
		fault_list_at(reader->faults, key_place(keys, "method"),
		              "the method is \"%.*s\"; want one like GET, in capitals",
		              TEXT_ARG(text_slice(keys->method, 0, METHOD_MAX_BYTES)));
}

static void read_stream(const struct case_reader *reader, const struct step_keys *keys,
                        struct case_step *out)
{
	out->streams = -1;
	if (json_is(keys->stream, JSON_BOOL))
		out->streams = keys->stream->truth;
	else if (keys->stream != NULL)
		fault_list_at(reader->faults, json_place(keys->stream),
		              "stream is %s; want true or false", json_type_name(keys->stream));
}

/* A body that is asked for: request or raw, unless the endpoint takes none. */
static void read_body(const struct case_reader *reader, const struct step_keys *keys, size_t index,
                      struct case_step *out)
{
	struct fault_list *faults = reader->faults;
	bool bodiless = keys->endpoint == ENDPOINT_MODELS || text_is(keys->method, "GET");

	if (keys->request != NULL && keys->raw.data != NULL)
		fault_list_at(faults, key_place(keys, "raw"),
		              "a step has a request or a raw body, not both");
	if (keys->request == NULL && keys->raw.data == NULL && !bodiless)
		fault_list_at(faults, json_place(keys->node),
		              "this %s asks nothing: want request, "
		              "raw or like",
		              index == 0 ? "case" : "step");
	if (keys->request != NULL && !json_is(keys->request, JSON_OBJECT))
		fault_list_at(faults, json_place(keys->request),
		              "the request is %s; want an object (other bodies go into raw)",
		              json_type_name(keys->request));
	(void)!template_check(keys->request, index, faults);
	if (keys->raw.data != NULL)
		(void)!template_check(json_member(keys->node, "raw"), index, faults);
	out->request = keys->request;
	out->raw = keys->raw;
}

static void read_reference(const struct case_reader *reader, const struct step_keys *keys,
                           size_t index, struct case_step *out)
{
	if (keys->reference == NULL)
		fault_list_at(reader->faults, json_place(keys->node),
		              "this %s has no reference: want a reply that satisfies it, or "
		              "`reference: none`",
		              index == 0 ? "case" : "step");
	else if (!json_is(keys->reference, JSON_STRING) || !text_is(keys->reference->text, "none"))
		out->reference = keys->reference;
	if (out->reference != NULL)
		(void)!reference_check(out->reference, index, reader->faults);
}

/* variant_expect: {sync: {...}, stream: {...}} */
static void read_variant_expect(const struct case_reader *reader, const struct step_keys *keys,
                                const struct eval_case *eval_case, struct case_step *out)
{
	const struct json *node = keys->variant_expect;
	struct expectation *added;

	if (node != NULL && !json_is(node, JSON_OBJECT)) {
		fault_list_at(reader->faults, json_place(node),
		              "variant_expect is %s; want an object with sync or stream",
		              json_type_name(node));
		return;
	}
	JSON_EACH(block, node)
	{
		bool streamed = text_is(block->key, case_variant_names[CASE_STREAM]);
		if (is_full(reader))
			return;
		if (!streamed && !text_is(block->key, case_variant_names[CASE_SYNC]))
			fault_list_at(reader->faults, document_key_place(block),
			              "there is no variant '%.*s'; want sync or stream",
			              TEXT_ARG(block->key));
		else if (!eval_case->variants[streamed ? CASE_STREAM : CASE_SYNC])
			fault_list_at(reader->faults, document_key_place(block),
			              "this case has no variant %.*s", TEXT_ARG(block->key));
		else if (expect_read(block, reader->arena, reader->resources, &added,
		                     reader->faults) &&
		         out->expect != NULL)
			expect_add_variant(out->expect, streamed, added);
	}
}

static void read_expect(const struct case_reader *reader, const struct step_keys *keys,
                        size_t index, const struct eval_case *eval_case, struct case_step *out)
{
	struct fault_list *faults = reader->faults;

	if (keys->expect == NULL) {
		fault_list_at(faults, json_place(keys->node),
		              "this %s expects nothing: want expect", index == 0 ? "case" : "step");
		return;
	}
	if (json_is(keys->expect, JSON_OBJECT) && keys->expect->count == 0)
		fault_list_at(faults, json_place(keys->expect),
		              "an empty expect says nothing: want at least status: 200");
	(void)!template_check(keys->expect, index, faults);
	(void)!template_check(keys->variant_expect, index, faults);
	if (!expect_read(keys->expect, reader->arena, reader->resources, &out->expect, faults))
		out->expect = NULL;
	read_variant_expect(reader, keys, eval_case, out);
}

/* What `like` takes from the other case can't be said again. */
static void check_like_keys(const struct case_reader *reader, const struct step_keys *keys)
{
	static const char *const taken[] = {
	    "endpoint",        "method",          "auth",       "stream",
	    "usage_asked",     "request",         "raw",        "reference",
	    "connection",      "accept_encoding", "body_bytes", "http",
	    "expect_continue", "cancel_after"};

	for (size_t i = 0; i < ARRAY_LENGTH(taken); i++) {
		const struct json *member = json_member(keys->node, taken[i]);
		if (member != NULL)
			fault_list_at(reader->faults, document_key_place(member),
			              "%s comes from the case that `like` names", taken[i]);
	}
}

/* The other endpoints tell usage anyway, and know no stream_options.include_usage. */
static bool has_stream_options(const struct step_keys *keys)
{
	return keys->endpoint == ENDPOINT_CHAT || keys->endpoint == ENDPOINT_COMPLETIONS;
}

/* How it travels, and what of that makes no sense. */
static void read_wire(const struct case_reader *reader, const struct step_keys *keys, size_t index,
                      struct case_step *out)
{
	struct fault_list *faults = reader->faults;
	bool bodiless = keys->request == NULL && keys->raw.data == NULL;

	out->wire = (struct chat_wire){
	    .accept_encoding = keys->accept_encoding,
	    .leave_after_events = keys->cancel_after.events,
	    .http2 = keys->http == 2,
	    .kept = keys->connection != CONNECTION_ANY,
	    .same = keys->connection == CONNECTION_SAME,
	    .expect_continue = keys->expect_continue,
	};
	for (size_t i = 0; i < keys->accept_encoding.len; i++) {
		unsigned char byte = (unsigned char)keys->accept_encoding.data[i];
		if (byte >= 0x20 && byte < 0x7f)
			continue;
		fault_list_at(faults, key_place(keys, "accept_encoding"),
		              "no header has this value; want one like \"gzip, br\"");
		break;
	}
	out->body_bytes = keys->body_bytes;
	if (out->wire.same && index == 0)
		fault_list_at(faults, key_place(keys, "connection"),
		              "no step before this one has a connection");
	if (out->wire.kept && out->wire.http2)
		fault_list_at(faults, key_place(keys, "http"),
		              "HTTP/2 is offered on a connection of its own: it is not kept");
	if ((out->wire.expect_continue || out->body_bytes > 0) && bodiless)
		fault_list_at(
		    faults, key_place(keys, out->body_bytes > 0 ? "body_bytes" : "expect_continue"),
		    "this step has no body");
}

/* A connection can be the same only where a step before it has kept one. */
static void check_connections(const struct case_reader *reader, const struct eval_case *eval_case)
{
	bool kept = false;

	for (size_t i = 0; i < eval_case->step_count; i++) {
		const struct case_step *step = &eval_case->steps[i];
		if (step->wire.same && i > 0 && !kept)
			fault_list_at(reader->faults,
			              json_place(json_member(step->node, "connection")),
			              "no step before this one has connection: kept");
		kept = kept || step->wire.kept;
	}
}

static void read_step(const struct case_reader *reader, const struct step_keys *keys, size_t index,
                      const struct eval_case *eval_case, struct case_step *out)
{
	*out = (struct case_step){.endpoint = (enum endpoint)keys->endpoint,
	                          .auth = (enum chat_auth)keys->auth,
	                          .streams = -1,
	                          .usage_asked = keys->usage_asked && has_stream_options(keys),
	                          .node = keys->node};
	if (eval_case->like.data != NULL) {
		check_like_keys(reader, keys);
	} else {
		read_method(reader, keys, out);
		read_stream(reader, keys, out);
		read_body(reader, keys, index, out);
		read_reference(reader, keys, index, out);
		read_wire(reader, keys, index, out);
	}
	read_expect(reader, keys, index, eval_case, out);
	/* What is waited for is no trouble that goes away by asking again. */
	if (eval_case->like.data == NULL && out->expect != NULL)
		out->wire.once = expect_awaits(out->expect, 429);
}

/* A step's keys beside `steps` would be read by nobody. */
static void check_stray_keys(const struct case_reader *reader, const struct json *node)
{
	for (size_t i = 0; i < step_table.count; i++) {
		const struct json *member = json_member(node, step_table.rows[i].name);
		if (member != NULL)
			fault_list_at(reader->faults, document_key_place(member),
			              "a case with steps has its %s in them",
			              step_table.rows[i].name);
	}
}

/* A step, and behind it its copies where it is asked at_once. */
static void add_step(const struct case_reader *reader, const struct step_keys *keys,
                     struct eval_case *out)
{
	struct case_step step;
	size_t copies = (size_t)keys->at_once;

	read_step(reader, keys, out->step_count, out, &step);
	step.measures_load = step.expect != NULL && expect_measures_load(step.expect);
	if (copies > CASE_MAX_STEPS - out->step_count) {
		fault_list_at(reader->faults, key_place(keys, "at_once"),
		              "with these copies there are over %d steps", CASE_MAX_STEPS);
		return;
	}
	step.copies = copies;
	for (step.copy = 0; step.copy < copies; step.copy++)
		out->steps[out->step_count++] = step;
}

static void read_steps(const struct case_reader *reader, const struct case_keys *keys,
                       struct eval_case *out)
{
	const struct json *steps = keys->steps;

	if (steps == NULL) {
		out->steps = ARENA_NEW_ARRAY(reader->arena, struct case_step,
		                             keys->own.at_once == 1 ? 1 : CASE_MAX_STEPS);
		add_step(reader, &keys->own, out);
		return;
	}
	check_stray_keys(reader, keys->node);
	if (!json_is(steps, JSON_ARRAY) || steps->count == 0 || steps->count > CASE_MAX_STEPS) {
		fault_list_at(reader->faults, json_place(steps), "want a list of 1 to %d steps",
		              CASE_MAX_STEPS);
		return;
	}
	out->steps = ARENA_NEW_ARRAY(reader->arena, struct case_step, CASE_MAX_STEPS);
	JSON_EACH(node, steps)
	{
		struct step_keys step = {.usage_asked = true, .at_once = 1, .node = node};
		if (settings_read(&step_table, node, &step, reader->arena, reader->faults))
			add_step(reader, &step, out);
	}
	check_connections(reader, out);
}

/* --- cases ------------------------------------------------------------------------------ */

static struct eval_case *add_case(struct case_reader *reader, const struct json *node)
{
	if (reader->count >= reader->max_cases) {
		fault_list_at(reader->faults, json_place(node), "a suite has at most %zu cases",
		              reader->max_cases);
		return NULL;
	}
	if (reader->count == reader->room) {
		size_t room = reader->room == 0 ? 64 : reader->room * 2;
		struct eval_case *cases = ARENA_NEW_ARRAY(reader->arena, struct eval_case, room);
		if (reader->count > 0)
			memcpy(cases, reader->cases, reader->count * sizeof(cases[0]));
		reader->cases = cases;
		reader->room = room;
	}
	return &reader->cases[reader->count++];
}

struct case_file {
	struct case_reader *reader;
	struct text capability;
	int kind; /* enum case_kind */
};

static bool read_case(void *context, const struct json *node)
{
	struct case_file *file = context;
	struct case_reader *reader = file->reader;
	struct case_keys keys = {.class_ = -1,
	                         .severity = -1,
	                         .kind = file->kind,
	                         .own = {.usage_asked = true, .at_once = 1},
	                         .node = node};
	size_t errors = reader->faults->errors;
	struct eval_case *out = add_case(reader, node);

	if (out == NULL)
		return false;
	*out = (struct eval_case){.capability = file->capability, .node = node};
	if (!settings_read(&case_table, node, &keys, reader->arena, reader->faults) &&
	    !json_is(node, JSON_OBJECT))
		return false;
	keys.own.node = node;
	out->probe = reader->count - 1;
	case_read_head(reader, &keys, out);
	read_steps(reader, &keys, out);
	return reader->faults->errors == errors;
}

/* A file name that stays beside the file that names it. */
static bool is_plain_name(struct text name)
{
	return name.len > 0 && name.data[0] != '.' &&
	       text_find_byte(name, '/', 0) == TEXT_NOT_FOUND &&
	       text_find_byte(name, '\0', 0) == TEXT_NOT_FOUND;
}

static void read_rows(struct case_file *file, const struct json *node, const struct json *rows)
{
	struct case_reader *reader = file->reader;
	struct source *csv;
	struct fault fault;

	if (!json_is(rows, JSON_STRING) || !is_plain_name(rows->text)) {
		fault_list_at(reader->faults, json_place(rows),
		              "want the name of a CSV file in the same folder");
		return;
	}
	if (!reader->open_rows(reader->context, rows->text, &csv, &fault)) {
		fault_list_at(reader->faults, json_place(rows), "%s", fault.message);
		return;
	}
	(void)!case_table_expand(node, csv, reader->arena, reader->faults, read_case, file);
}

bool case_file_read(struct case_reader *reader, const struct source *source)
{
	static const struct yaml_options options = {.aliases = true};
	struct file_keys keys = {0};
	struct case_file file = {.reader = reader};
	size_t errors = reader->faults->errors;
	struct fault fault;
	struct json *root;

	if (!document_read(source, &options, reader->arena, &root, reader->faults, &fault)) {
		fault_list_add(reader->faults, &fault);
		return false;
	}
	if (!settings_read(&file_table, root, &keys, reader->arena, reader->faults) &&
	    keys.cases == NULL)
		return false;
	file.capability = keys.capability;
	file.kind = keys.kind;
	if (file.capability.data != NULL &&
	    (file.capability.len == 0 || file.capability.len > CAPABILITY_MAX_BYTES))
		fault_list_at(reader->faults, json_place(json_member(root, "capability")),
		              "want the name of a capability, of 1 to %d bytes",
		              CAPABILITY_MAX_BYTES);
	if (!json_is(keys.cases, JSON_ARRAY) || keys.cases->count == 0)
		fault_list_at(
		    reader->faults, json_place(keys.cases), "cases is %s; want a list of them",
		    json_is(keys.cases, JSON_ARRAY) ? "empty" : json_type_name(keys.cases));
	for (const struct json *node = json_is(keys.cases, JSON_ARRAY) ? keys.cases->first : NULL;
	     node != NULL && !is_full(reader); node = node->next) {
		const struct json *rows = json_member(node, "rows");
		if (rows != NULL)
			read_rows(&file, node, rows);
		else
			(void)!read_case(&file, node);
	}
	return reader->faults->errors == errors;
}

static bool grades(const struct eval_case *eval_case)
{
	for (size_t i = 0; i < eval_case->step_count; i++)
		if (eval_case->steps[i].expect != NULL && expect_grades(eval_case->steps[i].expect))
			return true;
	return false;
}

bool case_check(const struct eval_case *eval_case, struct arena *arena, struct fault_list *faults)
{
	size_t errors = faults->errors;

	for (size_t i = 0; i < eval_case->step_count; i++) {
		const struct case_step *step = &eval_case->steps[i];
		bool streams =
		    step->streams == 1 || (step->streams == -1 && !eval_case->variants[CASE_SYNC]);
		if (step->wire.leave_after_events > 0 && !streams)
			fault_list_at(faults, json_place(json_member(step->node, "cancel_after")),
			              "only a stream can be left in the middle: want stream: true");
		struct expect_step beside = {
		    .request = step->request,
		    .may_stream = step->streams == 1 ||
		                  (step->streams == -1 && eval_case->variants[CASE_STREAM]),
		    .steps_before = i - step->copy,
		    .copies = step->copies,
		    .arena = arena};
		if (step->expect != NULL)
			(void)!expect_check_step(step->expect, &beside, faults);
	}
	/* What a route may rest on is a known answer. */
	if (eval_case->rubric.data != NULL && !grades(eval_case))
		fault_list_at(faults, json_place(json_member(eval_case->node, "rubric")),
		              "a rubric stands beside a grade: the task has no known answer");
	return faults->errors == errors;
}
