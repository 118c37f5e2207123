/* Anything by a text: what was added is found again, and nothing else, however many there are. */
#include "harness/base/text_map.h"
#include "tests/unit/unit.h"

START_TEST(each_text_has_its_value_and_others_none)
{
	static char keys[5000][8];
	static int values[5000];
	struct text_map map;

	text_map_init(&map);
	ck_assert_ptr_null(text_map_find(&map, TEXT("")));
	text_map_add(&map, TEXT(""), &map);
	for (int i = 0; i < 5000; i++) {
		int len = snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		struct text key = {keys[i], (size_t)len};
		if (text_map_find(&map, key) != NULL)
			ck_abort_msg("%s is there before it was added", keys[i]);
		text_map_add(&map, key, &values[i]);
	}
	for (int i = 0; i < 5000; i++)
		if (text_map_find(&map, text_of(keys[i])) != &values[i])
			ck_abort_msg("%s is not there, or another's", keys[i]);
	ck_assert_ptr_eq(text_map_find(&map, TEXT("")), &map);
	ck_assert_ptr_null(text_map_find(&map, TEXT("k5000")));
	/* A NUL within is a byte as any other. */
	ck_assert_ptr_null(text_map_find(&map, TEXT("k1\0")));
	ck_assert_uint_eq(map.count, 5001);
	text_map_done(&map);
	ck_assert_uint_eq(map.count, 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, each_text_has_its_value_and_others_none);
}

int main(void)
{
	return unit_main("text_map", add);
}
