/* Counting, and the test that alarms; see live_table.h. */
#include "proxy/live/live_table.h"

#include "harness/base/digest.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

enum { REQUESTS_KNOWN = 8 };

/* One cell as it was asked last: a newer asking begins anew. */
struct entry {
	char case_hash[16];
	int64_t tested_wall_ms;
	int64_t occasions, violations;
	double sum;
	uint64_t requests[REQUESTS_KNOWN]; /* the last ones that broke it; 0: none */
	unsigned next_request;
	bool alarmed;
};

struct live_target {
	pthread_mutex_t lock;
	char *name;
	size_t name_len;
	struct live_target *next;
	struct entry entries[LIVE_CHECKS][CASE_VARIANTS];
};

struct live_table {
	pthread_mutex_t lock; /* of the list */
	struct live_target *targets;
	atomic_uint_least64_t occasions[LIVE_CHECKS], violations[LIVE_CHECKS];
};

/* --- the test ---------------------------------------------------------------------------- */

static struct live_test between(double good, double bad)
{
	return (struct live_test){log(bad / good), log((1 - bad) / (1 - good))};
}

struct live_test live_test_of(enum case_class class_, bool critical)
{
	if (class_ != CASE_STOCHASTIC)
		return between(.9999, .99);
	return critical ? between(.98, .80) : between(.95, .70);
}

/* --- posts --------------------------------------------------------------------------------- */

struct builder {
	const struct evidence *evidence;
	const struct matrix *matrix;
	struct text target;
	struct live_posts *out;
};

static void add_post(struct builder *b, size_t check, const struct eval_case *eval_case,
                     enum case_variant variant)
{
	const struct matrix_cell *cell = matrix_find(b->matrix, b->target, eval_case->id, variant);
	const struct voice *voice = evidence_voice(b->evidence, eval_case, variant);

	if (cell == NULL || voice == NULL || cell->verdict != VERDICT_PASS ||
	    cell->quarantine != NULL || !text_is(cell->case_hash, eval_case->hash))
		return;
	b->out->items[b->out->count++] = (struct live_post){
	    .check = check,
	    .cell = cell,
	    .voice = voice,
	    .test = live_test_of(eval_case->class_, eval_case->critical),
	    .once = eval_case->class_ == CASE_STOCHASTIC,
	};
}

static const struct eval_case *find_case(const struct suite *suite, struct text id)
{
	for (size_t i = 0; i < suite->count; i++)
		if (text_equal(suite->cases[i].id, id))
			return &suite->cases[i];
	return NULL;
}

void live_posts_build(const struct evidence *evidence, const struct suite *suite,
                      const struct matrix *matrix, struct text target, struct arena *arena,
                      struct live_posts *out)
{
	struct builder b = {evidence, matrix, target, out};

	out->items = ARENA_NEW_ARRAY(arena, struct live_post, LIVE_CHECKS * CASE_VARIANTS);
	out->count = 0;
	for (size_t check = 0; check < LIVE_CHECKS; check++) {
		const struct eval_case *eval_case = find_case(suite, live_check_case(check));
		if (eval_case == NULL || !live_check_counts(check))
			continue;
		for (int variant = 0; variant < CASE_VARIANTS; variant++)
			add_post(&b, check, eval_case, (enum case_variant)variant);
	}
}

/* --- the table ------------------------------------------------------------------------------ */

static void lock(pthread_mutex_t *mutex)
{
	(void)pthread_mutex_lock(mutex);
}

static void unlock(pthread_mutex_t *mutex)
{
	(void)pthread_mutex_unlock(mutex);
}

static void make_lock(pthread_mutex_t *mutex)
{
	int failed = pthread_mutex_init(mutex, NULL);

	REQUIRE(failed == 0);
}

struct live_table *live_table_new(void)
{
	struct live_table *table = memory_new(sizeof(*table));

	make_lock(&table->lock);
	return table;
}

void live_table_free(struct live_table *table)
{
	if (table == NULL)
		return;
	while (table->targets != NULL) {
		struct live_target *target = table->targets;
		table->targets = target->next;
		(void)pthread_mutex_destroy(&target->lock);
		memory_free(target->name);
		memory_free(target);
	}
	(void)pthread_mutex_destroy(&table->lock);
	memory_free(table);
}

static struct live_target *find_or_make(struct live_table *table, struct text name)
{
	for (struct live_target *at = table->targets; at != NULL; at = at->next)
		if (text_equal((struct text){at->name, at->name_len}, name))
			return at;
	struct live_target *target = memory_new(sizeof(*target));
	make_lock(&target->lock);
	target->name = memory_new(name.len + 1);
	memcpy(target->name, name.data, name.len);
	target->name_len = name.len;
	target->next = table->targets;
	table->targets = target;
	return target;
}

struct live_target *live_target_of(struct live_table *table, struct text target)
{
	lock(&table->lock);
	struct live_target *found = find_or_make(table, target);
	unlock(&table->lock);
	return found;
}

/* --- counting ------------------------------------------------------------------------------- */

static struct entry *place_of(struct live_target *target, const struct live_post *post)
{
	return &target->entries[post->check][post->cell->variant];
}

static bool is_of(const struct entry *entry, const struct matrix_cell *cell)
{
	return entry->tested_wall_ms == cell->tested_wall_ms &&
	       text_is(cell->case_hash, entry->case_hash);
}

static struct entry *entry_of(struct live_target *target, const struct live_post *post)
{
	struct entry *entry = place_of(target, post);
	const struct matrix_cell *cell = post->cell;

	if (is_of(entry, cell))
		return entry;
	*entry = (struct entry){.tested_wall_ms = cell->tested_wall_ms};
	memcpy(entry->case_hash, cell->case_hash.data,
	       size_min(cell->case_hash.len, sizeof(entry->case_hash) - 1));
	return entry;
}

/* Never 0. */
static uint64_t hash_of(struct text request)
{
	unsigned char bytes[DIGEST_BYTES];
	struct digest digest;
	uint64_t hash;

	digest_init(&digest);
	digest_add(&digest, request);
	digest_done(&digest, bytes);
	memcpy(&hash, bytes, sizeof(hash));
	return hash | 1;
}

static bool is_known(const struct entry *entry, uint64_t hash)
{
	for (size_t i = 0; i < REQUESTS_KNOWN; i++)
		if (entry->requests[i] == hash)
			return true;
	return false;
}

/* What one occasion says. True: it alarms. */
static bool count(struct entry *entry, const struct live_post *post, bool broken, uint64_t hash)
{
	if (broken && post->once) {
		if (is_known(entry, hash))
			return false;
		entry->requests[entry->next_request++ % REQUESTS_KNOWN] = hash;
	}
	entry->occasions++;
	entry->violations += broken;
	entry->sum += broken ? post->test.broken : post->test.kept;
	if (entry->sum < 0)
		entry->sum = 0;
	if (!broken || entry->alarmed || entry->sum < LIVE_ALARM)
		return false;
	entry->alarmed = true;
	return true;
}

static void add_one(atomic_uint_least64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Totals by check, whichever cells speak. */
static bool count_totals(struct live_table *table, const struct live_findings *findings)
{
	bool any = false;

	for (size_t check = 0; check < LIVE_CHECKS; check++) {
		if (!findings->saw[check])
			continue;
		add_one(&table->occasions[check]);
		if (!findings->broken[check])
			continue;
		add_one(&table->violations[check]);
		any = true;
	}
	return any;
}

size_t live_note(struct live_table *table, struct live_target *target,
                 const struct live_posts *posts, const struct live_seen *seen,
                 struct live_alarm *out)
{
	const struct live_findings *findings = seen->findings;
	bool any_broken = count_totals(table, findings);
	uint64_t hash = any_broken ? hash_of(seen->request) : 0;
	size_t alarms = 0;

	lock(&target->lock);
	for (size_t i = 0; i < posts->count; i++) {
		const struct live_post *post = &posts->items[i];
		if (!findings->saw[post->check] ||
		    !evidence_speaks(post->voice, seen->features, seen->shape))
			continue;
		struct entry *entry = entry_of(target, post);
		if (count(entry, post, findings->broken[post->check], hash))
			out[alarms++] =
			    (struct live_alarm){post, entry->occasions, entry->violations};
	}
	unlock(&target->lock);
	return alarms;
}

void live_rearm(struct live_target *target, const struct live_post *post)
{
	lock(&target->lock);
	struct entry *entry = place_of(target, post);
	if (is_of(entry, post->cell)) /* what a newer asking has counted stays */
		entry->alarmed = false;
	unlock(&target->lock);
}

void live_each(struct live_table *table,
               void (*fn)(void *context, struct text case_id, unsigned long long occasions,
                          unsigned long long violations),
               void *context)
{
	for (size_t check = 0; check < LIVE_CHECKS; check++) {
		unsigned long long occasions =
		    atomic_load_explicit(&table->occasions[check], memory_order_relaxed);
		unsigned long long violations =
		    atomic_load_explicit(&table->violations[check], memory_order_relaxed);
		if (occasions > 0)
			fn(context, live_check_case(check), occasions, violations);
	}
}
