/* Names within a run's folder; see run_folder.h. */
#include "harness/run/runner/run_folder.h"

#include "harness/base/digest.h"
#include "harness/base/loop.h"

struct text run_id_make(int64_t wall_ms, struct arena *arena)
{
	unsigned char bytes[3];
	struct text moment = wall_format(arena, wall_ms, false);
	char compact[32];
	size_t len = 0;

	/* "2026-11-21T10:15:00Z" less what a file name had better not hold. */
	for (size_t i = 0; i < moment.len && len < sizeof(compact); i++)
		if (moment.data[i] != '-' && moment.data[i] != ':')
			compact[len++] = moment.data[i];
	random_bytes(bytes, sizeof(bytes));
	return text_format(arena, "%.*s-%02x%02x%02x", (int)len, compact, bytes[0], bytes[1],
	                   bytes[2]);
}

struct run_folder run_folder_of(const char *path, struct arena *arena)
{
	return (struct run_folder){
	    .path = path,
	    .journal = file_join(arena, path, "journal.jsonl"),
	    .evidence = file_join(arena, path, "evidence"),
	    .matrix = file_join(arena, path, "matrix.json"),
	    .opinions = file_join(arena, path, "opinions.jsonl"),
	};
}

void run_head_targets(const struct plan *plan, struct arena *arena, struct journal_head *head)
{
	head->targets = ARENA_NEW_ARRAY(arena, struct journal_target, plan->target_count);
	head->target_count = plan->target_count;
	for (size_t i = 0; i < plan->target_count; i++)
		head->targets[i] = (struct journal_target){
		    .name = plan->targets[i].name,
		    .dialect = text_of(plan->targets[i].provider->dialect->name),
		    .context = plan->targets[i].model->context,
		    .max_output = plan->targets[i].model->max_output,
		    .aliases = plan->targets[i].model->aliases,
		    .reference_tokens = plan->targets[i].model->reference_tokens,
		    .identity = plan->targets[i].model->identity,
		    .hours = plan->targets[i].model->hours,
		    .prices = &plan->targets[i].model->price,
		};
}
