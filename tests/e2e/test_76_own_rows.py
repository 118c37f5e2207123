"""Tables of one's own cases (`rows: FILE.csv`) that are not what they should be: each mistake has the row's place, and all are
told. A table that came in by half would say of a model what nobody asked it."""
import pytest

CONFIG = """version: 1
providers: {lab: {base_url: "http://127.0.0.1:1/v1", models: {m: {}}}}
check: {cases: [mine], core: false}
"""
CASES = """capability: mine
cases:
  - id: "{{id}}"
    rows: rows.csv
    title: "{{question}}"
    class: stochastic
    severity: advisory
    kind: extraction
    request: {messages: [{role: user, content: "{{question}}"}]}
    expect: {content: {contains: "{{answer}}"}}
    reference: {content: "{{answer}}"}
"""
HEAD = b"id,question,answer\n"


@pytest.fixture
def validate(proviso):
    (proviso.cwd / "mine").mkdir()
    (proviso.cwd / "proviso.yaml").write_text(CONFIG)
    (proviso.cwd / "mine/c.yaml").write_text(CASES)

    def run(table):
        (proviso.cwd / "mine/rows.csv").write_bytes(table)
        return proviso("validate")
    return run


@pytest.mark.parametrize("table", [HEAD + b"Q-1,what,ok\r\nQ-2,\"a, \"\"b\"\"\",no\r\n", b"\xef\xbb\xbf" + HEAD + b"Q-1,a,b\nQ-2,c,d",
                                   b"answer,unused,question,id\nok,x,what,Q-1\nno,,why,Q-2\n"])
def test_a_table_is_read_with_or_without_a_bom_in_any_order(validate, table):
    done = validate(table)
    assert done.code == 0 and "with 2 cases" in done.out, done


@pytest.mark.parametrize("table, says", [
    (b"", "rows.csv:1:1: error: want a header row"),
    (HEAD, "rows.csv:1:1: error: this table has no rows"),
    (HEAD + b"Q-1,a,b\nQ-2,a\n", "rows.csv:3:1: error: this row has 2 fields, the header 3"),
    (HEAD + b"Q-1,a,b,c\n", "rows.csv:2:9: error: this row has 4 fields, the header 3"),
    (HEAD + b"Q-1,wh\xe9t,b\n", "rows.csv:2:7: error: byte 0xe9 is no UTF-8"),
    (HEAD.decode().encode("utf-16"), "rows.csv:1:1: error: byte 0xff is no UTF-8"),
    (HEAD + b"Q-1,a\0,b\n", "rows.csv:2:6: error: a NUL byte"),
    (HEAD + b'Q-1,"a,b\nQ-2,a,b\n', "rows.csv:2:5: error: this quote is never closed"),
    (HEAD + b'Q-1,a"b,c\n', "rows.csv:2:6: error: a quote within a field"),
    (b"id,question,id\nQ-1,a,b\n", "rows.csv:1:13: error: the column \"id\" stands here again"),
    (b"id;question;answer\nQ-1;a;b\n", "rows.csv:1:1: error: this table needs a column id"),
    (HEAD + b"Q-1," + b"a" * 2_000_000 + b",b\n", "rows.csv:2:5: error: this field is larger than 1 MiB"),
    (HEAD + b"Q-1," + b"a" * 10_000_000 + b",b\n", "mine/rows.csv is larger than 8388608 bytes"),
])
def test_what_is_no_table_is_refused_at_its_place(validate, table, says):
    done = validate(table)
    assert done.code == 2 and says in done.err and done.out == "", done


def test_every_row_that_makes_no_case_is_told(validate):
    done = validate(HEAD + b'q 1,a,b\nQ-2,a,b\n"x\ny",a,b\nq 3,a,b\n')
    assert done.code == 2, done
    for line, name in ((2, "q 1"), (4, "x\\ny"), (6, "q 3")):
        assert f'rows.csv:{line}:1: error: the id is "{name}"' in done.err
        assert f"while filling in the row of mine/rows.csv:{line}" in done.err
    assert "3 of the 4 rows up to here are refused" in done.err
    done = validate(HEAD + b"Q-1,a,b\nQ-2,a,b\nQ-1,c,d\n")
    assert done.code == 2 and "rows.csv:4:1: error: the id Q-1 is taken already: mine/rows.csv:2" in done.err


def test_a_column_that_is_missing_is_told_once(validate):
    """It is the case's mistake in every row, and twenty times the same would hide the next one."""
    done = validate(b"id,question\n" + b"".join(b"Q-%d,a\n" % number for number in range(50)))
    assert done.code == 2 and "while filling in the row of mine/rows.csv:2" in done.err, done
    assert done.err.count("{{answer}} is no placeholder") == 2  # once where it is expected, once in the reference
