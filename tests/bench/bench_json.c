/*
 * How fast the scanner is beside jansson: full tree with places, UTF-8 checked, duplicates
 * found. Both take turns on the same body, so that a busy machine slows both; what is printed
 * is CPU, a line for each body: its name, its bytes, MB/s of ours and of jansson (medians), and
 * the ratio of single turns: median, 5th and 95th of a hundred.
 *
 * jansson is loaded by dlopen, since its names (json_equal, json_string ...) are ours too; it is
 * used here and nowhere else.
 */
#include "harness/base/json.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TURNS = 41, BYTES_A_TURN = 1 << 20 };

/* json_loadb and json_delete (what json_decref does to the last reference). */
static void *(*jansson_load)(const char *, size_t, size_t, void *);
static void (*jansson_delete)(void *);

static void load_jansson(void)
{
	void *library = dlopen("libjansson.so.4", RTLD_NOW | RTLD_LOCAL);

	if (library == NULL) {
		printf("jansson is not installed: nothing to compare with\n");
		exit(EXIT_SUCCESS);
	}
	/* POSIX says how: ISO C has no cast from an object to a function. */
	*(void **)(&jansson_load) = dlsym(library, "json_loadb");
	*(void **)(&jansson_delete) = dlsym(library, "json_delete");
	if (jansson_load == NULL || jansson_delete == NULL)
		abort();
}

static double cpu_seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double turn_ours(struct text body, unsigned rounds)
{
	struct arena arena = {0};
	struct json *root;
	struct fault fault;
	double start = cpu_seconds();

	for (unsigned i = 0; i < rounds; i++) {
		arena_reset(&arena);
		if (!json_read_text(body, "bench", &arena, &root, &fault))
			abort();
	}
	double taken = cpu_seconds() - start;
	arena_done(&arena);
	return taken;
}

static double turn_jansson(struct text body, unsigned rounds)
{
	double start = cpu_seconds();

	for (unsigned i = 0; i < rounds; i++) {
		void *root = jansson_load(body.data, body.len, 0, NULL);
		if (root == NULL)
			abort();
		jansson_delete(root);
	}
	return cpu_seconds() - start;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, struct text body)
{
	double ours[TURNS], theirs[TURNS], ratio[TURNS];
	unsigned rounds = (unsigned)(BYTES_A_TURN / body.len) + 1;
	double megabytes = (double)body.len * rounds / 1e6;

	for (int i = 0; i < TURNS; i++) {
		ours[i] = turn_ours(body, rounds);
		theirs[i] = turn_jansson(body, rounds);
		ratio[i] = theirs[i] / ours[i];
	}
	qsort(ours, TURNS, sizeof(*ours), compare_doubles);
	qsort(theirs, TURNS, sizeof(*theirs), compare_doubles);
	qsort(ratio, TURNS, sizeof(*ratio), compare_doubles);
	printf("json\t%s\t%zu\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\n", name, body.len,
	       megabytes / ours[TURNS / 2], megabytes / theirs[TURNS / 2], ratio[TURNS / 2],
	       ratio[TURNS / 20], ratio[TURNS - 1 - TURNS / 20]);
}

/* --- bodies like those that pass through ------------------------------------------ */

static const char *const lines[] = {
    "Please summarise the following text in two sentences, and name its author.\\n\\n",
    "The quick brown fox said \\\"hello\\\" to the lazy dog; nobody answered.\\n",
    ("Gr\xc3\xbc\xc3\x9f"
     "e aus K\xc3\xb6ln, \xe2\x82\xac 12.50 \xe2\x80\x93 und danke!\\n"),
    "\xe8\xaf\xb7\xe7\x94\xa8\xe4\xb8\xad\xe6\x96\x87\xe5\x9b\x9e\xe7\xad\x94\xe3\x80\x82 ",
};

static void add_message(struct text_buf *buf, const char *role, unsigned line_count)
{
	(void)text_buf_format(buf, "{\"role\":\"%s\",\"content\":\"", role);
	for (unsigned i = 0; i < line_count; i++)
		(void)text_buf_add_c(buf, lines[i % ARRAY_LENGTH(lines)]);
	(void)text_buf_add_c(buf, "\"}");
}

static void add_tool(struct text_buf *buf, unsigned index)
{
	(void)text_buf_format(
	    buf,
	    "%s{\"type\":\"function\",\"function\":{\"name\":\"tool_%u\",\"description\":"
	    "\"Look something up\",\"parameters\":{\"type\":\"object\",\"properties\":{"
	    "\"city\":{\"type\":\"string\"},\"unit\":{\"type\":\"string\",\"enum\":[\"c\",\"f\"]},"
	    "\"days\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":14}},"
	    "\"required\":[\"city\"],\"additionalProperties\":false}}}",
	    index == 0 ? "" : ",", index);
}

static void measure_chat(const char *name, size_t bytes, unsigned tools)
{
	struct text_buf buf;

	text_buf_init(&buf, 1 << 20);
	(void)text_buf_add_c(&buf, "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"temperature\":0.2,"
	                           "\"max_tokens\":512,\"tools\":[");
	for (unsigned i = 0; i < tools; i++)
		add_tool(&buf, i);
	(void)text_buf_add_c(&buf, "],\"messages\":[");
	add_message(&buf, "system", 1);
	while (buf.len < bytes) {
		(void)text_buf_byte(&buf, ',');
		add_message(&buf, "user", 3);
	}
	(void)text_buf_add_c(&buf, "]}");
	measure(name, text_buf_view(&buf));
	text_buf_done(&buf);
}

static void measure_members(const char *name, unsigned count)
{
	struct text_buf buf;

	text_buf_init(&buf, 16 << 20);
	for (unsigned i = 0; i < count; i++)
		(void)text_buf_format(&buf, "%c\"key number %u\":%u", i == 0 ? '{' : ',', i, i);
	(void)text_buf_byte(&buf, '}');
	measure(name, text_buf_view(&buf));
	text_buf_done(&buf);
}

int main(void)
{
	load_jansson();
	measure_chat("chat body, 2 KB", 2000, 1);
	measure_chat("chat body, 100 KB", 100000, 8);
	measure_chat("tools only, 100 KB", 100000, 330);
	measure_members("one object of 20 members", 20);
	measure_members("one object of 2000 members", 2000);
	measure("stream chunk",
	        TEXT("{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":"
	             "1700000000,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
	             "\" word\"},\"finish_reason\":null}]}"));
	return 0;
}
