/* Kinds of requests: what they ask for, which features they use, which task they are. */
#include "harness/run/forecast/forecast_private.h"

void forecast_groups_done(struct forecast *f)
{
	for (size_t i = 0; i < f->group_count; i++) {
		struct forecast_group *group = &f->groups[i];
		for (size_t d = 0; d < f->draws; d++) {
			memory_free(group->routed[d].stretches);
			memory_free(group->routed[d].choices);
		}
		memory_free(group->fixed.stretches);
		memory_free(group->fixed.choices);
		memory_free(group->routed);
	}
	memory_free(f->groups);
	cell_index_done(&f->index);
}

static bool is_group(const struct forecast_group *group, struct cell_key key)
{
	return text_equal(group->asked, key.target) && text_equal(group->features, key.case_id) &&
	       text_equal(group->task, key.variant);
}

static struct forecast_group *add_group(struct forecast *f, const struct traffic_row *row,
                                        struct cell_key key, struct fault *fault)
{
	struct forecast_group group = {0};
	struct text_list names = traffic_split_features(key.case_id, &f->scratch);
	struct text bad;

	if (f->group_count == FORECAST_MAX_GROUPS) {
		(void)fault_at(
		    fault, (struct place){row->source, row->asked_at},
		    "more than %d different kinds of requests (route or model, features, "
		    "task)",
		    FORECAST_MAX_GROUPS);
		return NULL;
	}
	if (!shape_from_names(&names, &f->scratch, &group.shape, &bad)) {
		struct text shown = text_visible(&f->scratch, bad, 60);
		(void)fault_at(fault, (struct place){row->source, row->features_at},
		               "no feature \"%.*s\": another version's export?", TEXT_ARG(shown));
		return NULL;
	}
	group.asked = text_copy(f->arena, key.target);
	group.features = text_copy(f->arena, key.case_id);
	group.task = text_copy(f->arena, key.variant);
	names = traffic_split_features(group.features, f->arena);
	bool known = shape_from_names(&names, f->arena, &group.shape, &bad);
	REQUIRE(known);
	group.header = (struct http_header){TEXT("x-proviso-task"), group.task};
	group.routed = memory_new_array(f->draws, sizeof(*group.routed));
	if (f->group_count == f->group_room) {
		f->group_room = f->group_room == 0 ? 16 : f->group_room * 2;
		f->groups = memory_resize(f->groups, size_mul(f->group_room, sizeof(*f->groups)));
	}
	f->groups[f->group_count] = group;
	cell_index_add(&f->index, (struct cell_key){group.asked, group.features, group.task},
	               f->group_count);
	return &f->groups[f->group_count++];
}

struct forecast_group *forecast_group_of(struct forecast *f, const struct traffic_row *row,
                                         struct fault *fault)
{
	struct cell_key key = {row->asked, row->features, row->task};

	if (key.case_id.len == 0)
		key.case_id = TEXT("chat");
	if (f->group_count > 0 && is_group(&f->groups[f->last_group], key))
		return &f->groups[f->last_group];
	size_t number = cell_index_find(&f->index, key);
	if (number == SIZE_MAX) {
		arena_reset(&f->scratch);
		struct forecast_group *group = add_group(f, row, key, fault);
		if (group != NULL)
			f->last_group = f->group_count - 1;
		return group;
	}
	f->last_group = number;
	return &f->groups[number];
}
