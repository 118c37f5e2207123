/* Counting the cases that exclude; see exclusion.h. */
#include "proxy/exclusion.h"

#include <pthread.h>

struct entry {
	char case_id[EXCLUSION_CASE_BYTES];
	unsigned long long count;
	unsigned long long request; /* the last one it was counted for */
};

struct exclusion_table {
	pthread_mutex_t lock;
	struct entry entries[EXCLUSION_CASES_MAX];
	size_t count;
	unsigned long long requests;
};

struct exclusion_table *exclusion_table_new(void)
{
	struct exclusion_table *table = memory_new(sizeof(*table));
	int failed = pthread_mutex_init(&table->lock, NULL);

	REQUIRE(failed == 0);
	return table;
}

void exclusion_table_free(struct exclusion_table *table)
{
	if (table == NULL)
		return;
	(void)pthread_mutex_destroy(&table->lock);
	memory_free(table);
}

/* NULL where there is no room for another one. */
static struct entry *find(struct exclusion_table *table, struct text case_id)
{
	if (case_id.data == NULL)
		case_id = TEXT("none");
	case_id = text_slice(case_id, 0, EXCLUSION_CASE_BYTES - 1);
	for (size_t i = 0; i < table->count; i++)
		if (text_is(case_id, table->entries[i].case_id))
			return &table->entries[i];
	if (table->count == EXCLUSION_CASES_MAX)
		return NULL;
	struct entry *entry = &table->entries[table->count++];
	memcpy(entry->case_id, case_id.data, case_id.len);
	return entry;
}

void exclusion_count(struct exclusion_table *table, const struct router_decision *decision)
{
	(void)pthread_mutex_lock(&table->lock);
	table->requests++;
	for (size_t i = 0; i < decision->exclusion_count; i++) {
		struct entry *entry = find(table, decision->exclusions[i].case_id);
		if (entry == NULL || entry->request == table->requests)
			continue;
		entry->request = table->requests;
		entry->count++;
	}
	(void)pthread_mutex_unlock(&table->lock);
}

void exclusion_each(struct exclusion_table *table,
                    void (*fn)(void *context, const char *case_id, unsigned long long count),
                    void *context)
{
	(void)pthread_mutex_lock(&table->lock);
	for (size_t i = 0; i < table->count; i++)
		fn(context, table->entries[i].case_id, table->entries[i].count);
	(void)pthread_mutex_unlock(&table->lock);
}
