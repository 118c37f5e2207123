/* Rings of stored responses and of prompts; see sim_memory.h. */
#include "providers/sim/sim_memory.h"

struct sim_memory {
	struct sim_memory_entry entries[SIM_MEMORY_ENTRIES]; /* texts are owned */
	size_t next;
	uint64_t prompts[SIM_MEMORY_PROMPTS]; /* draws */
	size_t prompt_count;                  /* ever read */
	struct {
		uint64_t key;
		struct text text; /* owned; data NULL: the place is free */
	} said[SIM_MEMORY_SAID];
	size_t said_next;
};

struct sim_memory *sim_memory_new(void)
{
	return memory_new(sizeof(struct sim_memory));
}

static struct text keep_text(struct text text)
{
	char *bytes = memory_new(text.len + 1);

	if (text.len > 0)
		memcpy(bytes, text.data, text.len);
	return (struct text){bytes, text.len};
}

static void drop_text(struct text *text)
{
	/* Made by keep_text: ours to free. */
	memory_free((void *)(uintptr_t)text->data);
	*text = (struct text){NULL, 0};
}

static void drop_entry(struct sim_memory_entry *entry)
{
	drop_text(&entry->id);
	drop_text(&entry->messages);
	drop_text(&entry->body);
}

void sim_memory_free(struct sim_memory *memory)
{
	if (memory == NULL)
		return;
	for (size_t i = 0; i < SIM_MEMORY_ENTRIES; i++)
		drop_entry(&memory->entries[i]);
	for (size_t i = 0; i < SIM_MEMORY_SAID; i++)
		drop_text(&memory->said[i].text);
	memory_free(memory);
}

static size_t index_of(const struct sim_memory *memory, struct text id)
{
	size_t at = 0;

	while (at < SIM_MEMORY_ENTRIES &&
	       (memory->entries[at].id.data == NULL || !text_equal(memory->entries[at].id, id)))
		at++;
	return at;
}

void sim_memory_keep(struct sim_memory *memory, const struct sim_memory_entry *entry)
{
	struct sim_memory_entry fresh;
	size_t at = index_of(memory, entry->id);

	if (entry->id.len + entry->messages.len + entry->body.len > SIM_MEMORY_MAX_BYTES)
		return;
	if (at == SIM_MEMORY_ENTRIES) {
		at = memory->next;
		memory->next = (memory->next + 1) % SIM_MEMORY_ENTRIES;
	}
	/* Copied before the old one goes: it may be what this one was made from. */
	fresh = (struct sim_memory_entry){keep_text(entry->id), keep_text(entry->messages),
	                                  keep_text(entry->body)};
	drop_entry(&memory->entries[at]);
	memory->entries[at] = fresh;
}

const struct sim_memory_entry *sim_memory_find(const struct sim_memory *memory, struct text id)
{
	size_t at = index_of(memory, id);

	return at == SIM_MEMORY_ENTRIES ? NULL : &memory->entries[at];
}

bool sim_memory_has_read(struct sim_memory *memory, uint64_t draw)
{
	size_t known = size_min(memory->prompt_count, SIM_MEMORY_PROMPTS);

	for (size_t i = 0; i < known; i++)
		if (memory->prompts[i] == draw)
			return true;
	memory->prompts[memory->prompt_count++ % SIM_MEMORY_PROMPTS] = draw;
	return false;
}

struct text sim_memory_exchange(struct sim_memory *memory, uint64_t key, struct text said)
{
	size_t at = 0;

	while (at < SIM_MEMORY_SAID &&
	       (memory->said[at].text.data == NULL || memory->said[at].key != key))
		at++;
	if (at < SIM_MEMORY_SAID) {
		struct text before = memory->said[at].text;
		memory->said[at].text = keep_text(said);
		return before;
	}
	at = memory->said_next++ % SIM_MEMORY_SAID;
	drop_text(&memory->said[at].text);
	memory->said[at].key = key;
	memory->said[at].text = keep_text(said);
	return (struct text){NULL, 0};
}

void sim_memory_forget(struct text said)
{
	drop_text(&said);
}
