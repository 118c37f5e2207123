"""GATEWAY.md's table of faults, row by row: which test proves which cell, before the commit and after it, streamed and
not; what the simulator calls the fault; and where a combination cannot exist, why. test_81_fault_table.py keeps it true.

A test is FILE::NAME, or FILE::NAME[part of its parameters]; of unit tests FILE is proxy/test_x.c."""

CELLS = [("before", "streamed"), ("after", "streamed"), ("before", "plain"), ("after", "plain")]

WIRE, BOOKS, EVIDENCE, FAULTS, FLOW = ("test_81_fault_cells.py", "test_81_fault_books.py", "test_81_fault_evidence.py",
                                       "test_81_proxy_faults.py", "test_86_proxy_flow.py")
# A plain answer is shown only once all of it is there and judged: there is no fault of a provider after that.
HELD = "cannot happen: a plain answer is committed when all of it has come and was found good"


def before(*faults):
    return [f"{WIRE}::test_before_the_commit_streamed[{fault}" for fault in faults]


def plain(*faults):
    return [f"{WIRE}::test_before_the_commit_plain[{fault}" for fault in faults]


def after(*faults):
    return [f"{WIRE}::test_after_the_commit_streamed[{fault}" for fault in faults]


SWEEP = f"{WIRE}::test_a_cut_after_any_byte_is_a_fallback_or_an_error"
BREAKER = f"{WIRE}::test_every_fault_counts_for_the_breaker"
STALL = f"{WIRE}::test_a_stall_before_the_commit_is_left_by_its_own_clock"
SHAPE = f"{EVIDENCE}::test_what_is_broken_is_not_asked_for_and_what_is_served_is_right"
MENDED = f"{EVIDENCE}::test_mended_it_serves_and_what_arrives_is_right"
COUNT = f"{BOOKS}::test_what_is_counted_wrongly_is_booked_rightly_or_called_an_estimate"
PAUSE = f"{BOOKS}::test_a_pause_is_waited_for_where_it_is_short"
STATUS = "cannot happen: a status comes before the first byte of an answer"
DECIDED = "cannot happen: who is asked is decided before anything is sent"

# The row's words, the simulator's names for it, and the cells in the order of CELLS.
ROWS = [
    ("cut after k bytes: before role chunk, mid-argument, after finish_reason, before [DONE]",
     ["cut-before-role", "cut-mid-argument", "cut-after-finish", "cut-before-done", "cut-mid-body", "cut-mid-content",
      "cut-mid-event", "close-at-once", "end-without-finish"],
     [before("cut-at-once", "cut-before-role", "cut-within-role", "cut-after-role", "cut-within-first-call",
             "cut-after-finish-alone", "cut-before-done-alone", "end-without-finish-alone") + [
         f"{SWEEP}[length-True]", f"{SWEEP}[chunked-True]", f"{SWEEP}[close-True]",
         f"{WIRE}::test_before_the_commit_of_responses[True-native-cut-first]"],
      after("cut-mid-content", "cut-mid-event", "cut-mid-argument", "cut-after-finish", "cut-before-done", "cut-mid-done",
            "end-without-finish", "end-mid-event", "done-without-finish") + [
         f"{SWEEP}[length-True]", f"{BREAKER}[True]", f"{FAULTS}::test_arguments_of_a_call_that_break_off_are_no_end",
         f"{WIRE}::test_after_the_commit_of_responses[native-cut-later]"],
      plain("cut-at-once", "cut-before-body", "cut-mid-body", "cut-mid-argument", "cut-before-last-byte", "cut-behind-the-end") + [
         f"{SWEEP}[length-False]", f"{SWEEP}[chunked-False]", f"{SWEEP}[close-False]", f"{BREAKER}[False]"],
      HELD]),
    ("stall before first byte / between chunks",
     ["stall-first", "stall-headers", "stall-mid"],
     [[f"{STALL}[first_event-True-stall-first]", f"{STALL}[first_event-True-stall-headers]", f"{STALL}[idle-True-stall-after-role]",
       f"{FLOW}::test_the_first_event_and_the_next_have_clocks_of_their_own", f"{FAULTS}::test_comments_do_not_count_as_events"],
      [f"{WIRE}::test_a_stall_after_the_commit_ends_the_stream[idle-chat]", f"{WIRE}::test_a_stall_after_the_commit_ends_the_stream[idle-messages]",
       f"{FLOW}::test_comments_between_events_keep_no_stream_alive"],
      [f"{STALL}[first_event-False-stall-first]", f"{STALL}[first_event-False-stall-headers]", f"{STALL}[idle-False-stall-mid-body]"],
      HELD]),
    ("malformed SSE: bad JSON, split UTF-8, CRLF, no [DONE], HTML error with 200",
     ["malformed-event", "torn-utf8", "crlf", "html-200", "json-on-stream", "empty-success"],
     [before("bad-json-first", "bad-utf8-first", "html", "html-as-stream", "json-for-stream", "done-alone", "nothing", "bad-http") + [
         f"{WIRE}::test_without_another_target_no_failure_is_a_success[True]",
         f"{WIRE}::test_what_is_odd_and_allowed_passes_as_it_came[crlf]"],
      after("bad-json", "bad-utf8", "bad-json-then-cut", "html-in-stream", "done-without-finish") + [
         f"{WIRE}::test_what_is_odd_and_allowed_passes_as_it_came[no-done]",
         f"{FAULTS}::test_bytes_pass_the_same_however_they_are_cut"],
      plain("bad-json", "bad-utf8", "html", "html-as-json", "stream-for-json", "nothing", "no-choices", "bad-http") + [
         f"{WIRE}::test_without_another_target_no_failure_is_a_success[False]"],
      HELD]),
    ("in-band error object / response.failed inside 200",
     ["inband-error", "inband-error-done", "inband-error-first", "error-200"],
     [before("error-first", "error-after-role", "error-for-stream") + [
         f"{WIRE}::test_before_the_commit_of_responses[True-native-failed-first]",
         f"{WIRE}::test_before_the_commit_of_responses[True-native-error-first]"],
      after("error-later", "error-and-done", "error-after-finish") + [
         f"{WIRE}::test_after_the_commit_of_responses[native-failed-later]",
         f"{WIRE}::test_after_the_commit_of_responses[native-error-later]"],
      plain("error-object") + [f"{WIRE}::test_before_the_commit_of_responses[False-native-failed]"],
      HELD]),
    ("tool-call shapes: no index, same index for two calls, arguments whole / one char per chunk / empty / \"{}\" prefix, "
     "id only in first chunk, tool call as text",
     ["TS-01", "TS-02", "tool-whole", "tool-one-character", "tool-empty-arguments", "tool-braces-prefix", "tool-changing-ids",
      "tool-as-text"],
     [[f"{SHAPE}[{fault}-True]" for fault in ("none", "TS-01", "TS-02", "TS-03", "tool-whole", "tool-one-character",
                                              "tool-empty-arguments", "tool-braces-prefix", "tool-changing-ids", "tool-as-text")],
      [f"{MENDED}[TS-01-True]", f"{MENDED}[TS-02-True]", f"{WIRE}::test_what_is_odd_and_allowed_passes_as_it_came[one-character]",
       f"{WIRE}::test_what_is_odd_and_allowed_passes_as_it_came[whole-call]",
       "test_83_live.py::test_a_target_that_breaks_what_it_was_proven_for_loses_those_requests_alone"],
      [f"{SHAPE}[{fault}-False]" for fault in ("none", "TS-01", "tool-empty-arguments", "tool-as-text")],
      [f"{MENDED}[TS-01-False]", f"{MENDED}[TS-02-False]"]]),
    ("finish_reason stop with tool calls; length with partial JSON",
     ["finish-stop-with-calls", "finish-cut-as-stop"],
     [[f"{SHAPE}[finish-stop-with-calls-True]", f"{SHAPE}[finish-cut-as-stop-True]"],
      [f"{MENDED}[finish-stop-with-calls-True]", *(f"{WIRE}::test_what_a_limit_cut_is_never_a_normal_end[{dialect}-True]"
                                                   for dialect in ("chat", "messages", "responses"))],
      [f"{SHAPE}[finish-stop-with-calls-False]", f"{SHAPE}[finish-cut-as-stop-False]"],
      [f"{MENDED}[finish-stop-with-calls-False]", *(f"{WIRE}::test_what_a_limit_cut_is_never_a_normal_end[{dialect}-False]"
                                                    for dialect in ("chat", "messages", "responses"))]]),
    ("usage: absent, cumulative per chunk, with non-empty choices, zero, cached > prompt, only after disconnect",
     ["usage-absent", "usage-every-chunk", "usage-with-choices", "usage-zero", "usage-cached-over-prompt"],
     [[f"{BOOKS}::test_an_attempt_that_failed_before_the_commit_is_charged_for_what_it_reports[True]",
       f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[proxy-before the commit]",
       f"{FLOW}::test_cancelled_a_provider_is_cut_off_and_the_row_says_why[before the commit]"],
      [f"{COUNT}[{fault}-True]" for fault in ("absent", "with every chunk", "beside choices", "twice", "nothing",
                                              "more cached than there is")] + [
          f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[proxy-after the commit]",
          f"{FLOW}::test_cancelled_a_provider_is_cut_off_and_the_row_says_why[after the commit]"],
      [f"{BOOKS}::test_an_attempt_that_failed_before_the_commit_is_charged_for_what_it_reports[False]",
       f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[proxy-plain]"],
      [f"{COUNT}[{fault}-False]" for fault in ("absent", "nothing", "more cached than there is")]]),
    ("Retry-After: seconds, HTTP-date, huge, negative, changing between attempts",
     ["retry-after-seconds", "retry-after-date", "retry-after-huge", "retry-after-negative", "retry-after-changing"],
     [[f"{PAUSE}[{pause}-True" for pause in ("seconds", "date", "past date", "huge", "negative", "no number")] + [
         f"{BOOKS}::test_the_latest_answer_says_how_long_to_wait[True]", "proxy/test_health.c::a_shorter_pause_never_shrinks_a_longer_one",
         "proxy/test_relay_judge.c::a_pause_is_taken_from_whoever_names_it"],
      STATUS,
      [f"{PAUSE}[{pause}-False" for pause in ("seconds", "date", "past date", "huge", "negative", "no number")] + [
          f"{BOOKS}::test_the_latest_answer_says_how_long_to_wait[False]", f"{FAULTS}::test_a_limit_of_all_is_429_with_the_time_to_wait"],
      STATUS]),
    ("429 storm / 25x500 / 401 on one key / 402",
     ["storm-429", "storm-500", "deny-401", "pay-402", "quota-429"],
     [[f"{BOOKS}::test_a_storm_opens_the_breaker_within_its_window[429 Too Many Requests-True]",
       f"{BOOKS}::test_a_storm_opens_the_breaker_within_its_window[500 Internal Server Error-True]",
       f"{BOOKS}::test_a_refused_key_is_the_only_one_that_is_out[401 Unauthorized-True]",
       f"{BOOKS}::test_a_refused_key_is_the_only_one_that_is_out[402 Payment Required-True]",
       "proxy/test_health.c::failures_are_forgotten_with_their_window", "proxy/test_health.c::one_probe_decides"],
      STATUS,
      [f"{BOOKS}::test_a_storm_opens_the_breaker_within_its_window[429 Too Many Requests-False]",
       f"{BOOKS}::test_a_storm_opens_the_breaker_within_its_window[500 Internal Server Error-False]",
       f"{BOOKS}::test_a_refused_key_is_the_only_one_that_is_out[401 Unauthorized-False]",
       f"{BOOKS}::test_a_refused_key_is_the_only_one_that_is_out[402 Payment Required-False]"],
      STATUS]),
    ("50 parallel calls on a budget with room for 10",
     [],
     [["test_82_storm.py::test_fifty_at_once_with_streams_and_hedges_send_ten_at_most"],
      ["test_82_storm.py::test_the_books_balance_after_a_storm_and_a_restart"],
      ["test_82_proxy_money.py::test_fifty_at_once_on_a_budget_with_room_for_ten", "proxy/test_budget.c::side_by_side_they_never_overshoot"],
      ["test_82_storm.py::test_the_books_balance_after_a_storm_and_a_restart"]]),
    ("client disconnect at each phase",
     [],
     [[f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[proxy-before the head]",
       f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[route-before the commit]",
       f"{FLOW}::test_cancelled_a_provider_is_cut_off_and_the_row_says_why[before the head]",
       f"{FLOW}::test_nobody_falls_back_for_a_client_that_has_left", f"{FLOW}::test_a_client_that_leaves_the_queue_is_asked_for_nowhere",
       "test_87_proxy_hedge.py::test_a_client_that_leaves_ends_both[True]"],
      [f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[proxy-after the commit]",
       f"{FLOW}::test_cancelled_a_provider_is_cut_off_and_the_row_says_why[after the commit]",
       f"{FLOW}::test_a_client_that_leaves_after_the_end_changes_nothing"],
      [f"{FLOW}::test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row[proxy-plain]",
       f"{FLOW}::test_cancelled_a_provider_is_cut_off_and_the_row_says_why[plain]",
       "test_87_proxy_hedge.py::test_a_client_that_leaves_ends_both[False]"],
      [f"{BOOKS}::test_a_client_that_leaves_a_plain_answer_halfway_is_booked_as_answered[cancel]",
       f"{BOOKS}::test_a_client_that_leaves_a_plain_answer_halfway_is_booked_as_answered[drain]"]]),
    ("provider that accepts and ignores json_schema / parallel_tool_calls / seed",
     ["ignore-schema", "ignore-parallel", "ignore-seed"],
     [[f"{SHAPE}[{fault}-True]" for fault in ("ignore-schema", "ignore-parallel", "ignore-seed")],
      DECIDED,
      [f"{SHAPE}[{fault}-False]" for fault in ("ignore-schema", "ignore-parallel", "ignore-seed")] + [
          f"{EVIDENCE}::test_a_parameter_that_is_overlooked_is_called_ignored"],
      DECIDED]),
]
