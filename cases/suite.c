/* Loading the suite: files into cases, `like` resolved, hashes over all; see suite.h. */
#include "cases/suite.h"

#include "cases/case_file.h"
#include "cases/case_table.h"
#include "cases/expect/expect.h"
#include "cases/resources.h"
#include "cases/suite_private.h"
#include "cases/template.h"
#include "harness/base/digest.h"
#include "harness/base/embedded.h"
#include "harness/base/file.h"

#include <stdlib.h>

/* The two suites that travel inside the program, in the order of asking. */
static const char *const embedded_suites[] = {"cases/core/", "cases/quality/"};

/* --- files ------------------------------------------------------------------------------ */

/* Where the file being read lies, for the tables beside it. */
struct origin {
	struct arena *arena;
	const char *folder; /* a path, or "cases/core/" of the data inside the program */
	bool embedded;
};

static struct source *embedded_source(struct arena *arena, const struct embedded_file *file)
{
	struct source *source = ARENA_NEW(arena, struct source);

	source->name = text_of(file->name);
	source->body = (struct text){file->begin, (size_t)(file->end - file->begin)};
	return source;
}

static bool open_rows(void *context, struct text name, struct source **out, struct fault *fault)
{
	const struct origin *origin = context;
	const char *name_c = text_c(origin->arena, name);

	if (!origin->embedded)
		return file_read(file_join(origin->arena, origin->folder, name_c),
		                 CASE_TABLE_MAX_BYTES, origin->arena, out, fault);
	const char *path = text_format(origin->arena, "%s%s", origin->folder, name_c).data;
	for (const struct embedded_file *file = embedded_files; file->name != NULL; file++) {
		if (strcmp(file->name, path) != 0)
			continue;
		*out = embedded_source(origin->arena, file);
		return true;
	}
	return fault_set(fault, FAULT_INPUT, "there is no file %s in the program", path);
}

static bool is_case_file(struct text name)
{
	return text_ends(name, TEXT(".yaml")) || text_ends(name, TEXT(".yml"));
}

static void read_core(struct case_reader *reader)
{
	struct origin origin = {.arena = reader->arena, .embedded = true};

	reader->core = true;
	reader->context = &origin;
	for (size_t i = 0; i < ARRAY_LENGTH(embedded_suites); i++) {
		origin.folder = embedded_suites[i];
		for (const struct embedded_file *file = embedded_files; file->name != NULL; file++)
			if (text_starts(text_of(file->name), text_of(origin.folder)) &&
			    is_case_file(text_of(file->name)))
				(void)!case_file_read(reader, embedded_source(reader->arena, file));
	}
	reader->core = false;
	reader->context = NULL;
}

static void read_file(struct case_reader *reader, const char *folder, const char *path)
{
	struct origin origin = {.arena = reader->arena, .folder = folder};
	struct source *source;
	struct fault fault;

	reader->context = &origin;
	if (file_read(path, CASE_FILE_MAX_BYTES, reader->arena, &source, &fault))
		(void)!case_file_read(reader, source);
	else
		fault_list_add(reader->faults, &fault);
	reader->context = NULL;
}

/* The case files of a folder, and of those in it where `deep`; how many there are. */
static size_t read_files(struct case_reader *reader, const char *folder, bool deep)
{
	struct text *names;
	struct fault fault;
	size_t count, read = 0;

	if (!file_list(folder, reader->arena, &names, &count, &fault)) {
		fault_list_add(reader->faults, &fault);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		const char *name = text_c(reader->arena, names[i]);
		const char *path = file_join(reader->arena, folder, name);
		if (name[0] != '.' && file_is_directory(path)) {
			if (deep)
				read += read_files(reader, path, false);
		} else if (is_case_file(names[i])) {
			read_file(reader, folder, path);
			read++;
		}
	}
	return read;
}

/* A folder of case files, or of such folders, as cases/<suite>/<capability>.yaml. */
static void read_folder(struct case_reader *reader, const char *folder)
{
	struct fault fault;
	size_t errors = reader->faults->errors;

	if (read_files(reader, folder, true) > 0 || reader->faults->errors > errors)
		return;
	(void)fault_set(&fault, FAULT_INPUT, "there is no case file (*.yaml) in %s", folder);
	fault_list_add(reader->faults, &fault);
}

/* The folder that a path's last part lies in. */
static const char *folder_of(struct arena *arena, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return ".";
	if (slash == path)
		return "/";
	return text_c(arena, (struct text){path, (size_t)(slash - path)});
}

static void read_all(struct case_reader *reader, bool core, const struct text_list *folders)
{
	if (core)
		read_core(reader);
	for (size_t i = 0; folders != NULL && i < folders->count; i++) {
		const char *path = text_c(reader->arena, folders->items[i]);
		if (file_is_directory(path))
			read_folder(reader, path);
		else
			read_file(reader, folder_of(reader->arena, path), path);
	}
}

/* --- ids and `like` ------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
	const struct eval_case *const *left = a;
	const struct eval_case *const *right = b;
	int order = text_compare((*left)->id, (*right)->id);

	/* Equal ids stay in order of the files: the later one is the mistake. */
	return order != 0 ? order : *left < *right ? -1 : *left > *right;
}

/* Of a case from a table, the row that named it. */
static struct place place_of_id(const struct eval_case *eval_case)
{
	const struct json *id = json_member(eval_case->node, "id");

	return id != NULL && id->source != eval_case->node->source ? json_place(id)
	                                                           : json_place(eval_case->node);
}

static void sort_ids(struct suite *suite, struct suite_index *index, struct fault_list *faults)
{
	index->by_id = ARENA_NEW_ARRAY(&suite->arena, const struct eval_case *, suite->count);
	for (size_t i = 0; i < suite->count; i++)
		index->by_id[i] = &suite->cases[i];
	if (suite->count > 0)
		qsort(index->by_id, suite->count, sizeof(index->by_id[0]), compare_ids);
	for (size_t i = 1; i < suite->count; i++) {
		const struct eval_case *first = index->by_id[i - 1];
		const struct eval_case *second = index->by_id[i];
		unsigned line = 0, column = 0;
		if (!text_equal(first->id, second->id) || second->id.len == 0)
			continue;
		struct place place = place_of_id(first);
		if (place.source != NULL)
			place_line_column(place, &line, &column);
		if (!fault_list_at(faults, place_of_id(second),
		                   "the id %.*s is taken already: %.*s:%u", TEXT_ARG(second->id),
		                   TEXT_ARG(place.source == NULL ? TEXT("?") : place.source->name),
		                   line))
			return;
	}
}

const struct eval_case *suite_find(const struct suite *suite, struct text id)
{
	size_t low = 0, high = suite->index == NULL ? 0 : suite->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = text_compare(id, suite->index->by_id[middle]->id);
		if (order == 0)
			return suite->index->by_id[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void take_steps(struct eval_case *eval_case, const struct eval_case *other)
{
	for (size_t i = 0; i < eval_case->step_count; i++) {
		struct case_step *step = &eval_case->steps[i];
		struct expectation *expect = step->expect;
		const struct json *node = step->node;
		bool measures_load = step->measures_load;
		*step = other->steps[i];
		step->measures_load = measures_load;
		step->expect = expect;
		step->node = node;
	}
	eval_case->probe = other->probe;
	eval_case->needs |= other->needs;
	eval_case->min_context = int64_max(eval_case->min_context, other->min_context);
	eval_case->endpoints = other->endpoints;
	eval_case->images = other->images;
}

static void resolve_like(const struct suite *suite, struct eval_case *eval_case,
                         struct fault_list *faults)
{
	const struct eval_case *other = suite_find(suite, eval_case->like);
	struct place place = json_place(json_member(eval_case->node, "like"));

	if (other == NULL) {
		fault_list_at(faults, place, "there is no case %.*s to be like",
		              TEXT_ARG(eval_case->like));
		return;
	}
	if (other->like.data != NULL) {
		fault_list_at(faults, place, "%.*s is itself like another: name %.*s",
		              TEXT_ARG(eval_case->like), TEXT_ARG(other->like));
		return;
	}
	if (other->step_count != eval_case->step_count) {
		fault_list_at(faults, place, "%.*s has %zu steps: want as many, each with expect",
		              TEXT_ARG(eval_case->like), other->step_count);
		return;
	}
	for (int i = 0; i < CASE_VARIANTS; i++)
		if (eval_case->variants[i] && !other->variants[i])
			fault_list_at(faults, place, "%.*s is not asked in the variant %s",
			              TEXT_ARG(eval_case->like), case_variant_names[i]);
	take_steps(eval_case, other);
}

/* Sets what the steps ask of a model, and what their placeholders need. */
static void add_needs(struct suite *suite, struct eval_case *eval_case)
{
	eval_case->max_context = INT64_MAX;
	for (size_t i = 0; i < eval_case->step_count; i++) {
		const struct case_step *step = &eval_case->steps[i];
		eval_case->endpoints |= 1u << step->endpoint;
		eval_case->images |= request_has_image(step->request);
		const struct json *body = step->raw.data == NULL
		                              ? step->request
		                              : json_new_string(&suite->arena, step->raw);
		eval_case->needs |= template_needs(body);
		eval_case->max_context =
		    int64_min(eval_case->max_context, template_most_context(body));
	}
}

static void resolve(struct suite *suite, struct fault_list *faults)
{
	for (size_t i = 0; i < suite->count; i++)
		if (suite->cases[i].like.data == NULL)
			add_needs(suite, &suite->cases[i]);
	for (size_t i = 0; i < suite->count && !fault_list_is_full(faults); i++)
		if (suite->cases[i].like.data != NULL)
			resolve_like(suite, &suite->cases[i], faults);
}

/* --- hashes --------------------------------------------------------------------------- */

static void hash_suite(struct suite *suite)
{
	char hex[DIGEST_HEX + 1];
	struct digest digest;

	for (size_t i = 0; i < suite->count; i++)
		case_hash(&suite->cases[i], &suite->arena);
	digest_init(&digest);
	for (size_t i = 0; i < suite->count; i++) {
		const struct eval_case *eval_case = suite->index->by_id[i];
		digest_add_field(&digest, eval_case->id);
		digest_add_field(&digest, text_of(eval_case->hash));
		digest_add_field(&digest, text_of(case_severity_names[eval_case->severity]));
		for (size_t j = 0; j < eval_case->vouches.count; j++)
			digest_add_field(&digest, eval_case->vouches.items[j]);
		digest_add_field(&digest, TEXT(""));
	}
	digest_done_hex(&digest, hex);
	memcpy(suite->hash, hex, DIGEST_SHORT);
	suite->hash[DIGEST_SHORT] = '\0';
}

/* --- loading -------------------------------------------------------------------------- */

bool suite_load(struct suite *suite, bool core, const struct text_list *folders,
                struct fault_list *faults)
{
	size_t errors = faults->errors;

	*suite = (struct suite){.resources = resources_new()};
	struct case_reader reader = {.arena = &suite->arena,
	                             .resources = suite->resources,
	                             .faults = faults,
	                             .max_cases = SUITE_MAX_CASES,
	                             .open_rows = open_rows};
	struct suite_index *index = ARENA_NEW(&suite->arena, struct suite_index);

	read_all(&reader, core, folders);
	suite->cases = reader.cases;
	suite->count = reader.count;
	sort_ids(suite, index, faults);
	suite->index = index;
	resolve(suite, faults);
	for (size_t i = 0; i < suite->count && faults->errors == errors; i++)
		(void)!case_check(&suite->cases[i], &suite->arena, faults);
	if (faults->errors != errors)
		return false;
	hash_suite(suite);
	index->recogniser = recogniser_new(suite, &suite->arena);
	index->carried = carried_index_new(suite, &suite->arena);
	suite->complete = true;
	return true;
}

void suite_done(struct suite *suite)
{
	resources_free(suite->resources);
	arena_done(&suite->arena);
	*suite = (struct suite){0};
}
