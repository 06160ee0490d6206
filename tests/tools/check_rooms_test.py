#!/usr/bin/env python3
"""tools/check_rooms.py finds what it is there to find, in sources made up here.

usage: check_rooms_test.py
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import check_rooms

BASE = {"base/text.h": "bool ep_text_ok(void);\n", "base/text.c": "bool\nep_text_ok(void)\n{\n}\n"}
SYNC = {
    "sync/slave/join.h": "int ep_join(void);\nstruct ep_join {\n\tint a;\n};\n",
    "sync/slave/join.c": '#include "sync/slave/join.h"\n\nint\nep_join(void)\n{\n}\n',
    "net/way.h": '#include "sync/slave/join.h"\n',
}


def calls(files):
    return list(check_rooms.wrong_calls(check_rooms.uses_of(files)))


def commands(files):
    return list(check_rooms.wrong_commands({module: {} for module in check_rooms.ON_THE_HEADER} | check_rooms.uses_of(files)))


def tags(files):
    return list(check_rooms.tags_used_twice(files))


def a_call_past_the_table_is_found_although_its_header_comes_through_another():
    files = SYNC | {"cli/cmd_join.c": '#include "net/way.h"\n\nstatic int\nrun(void)\n{\n\treturn ep_join();\n}\n'}
    assert calls(files) == ["src/cli/cmd_join uses ep_join of sync/slave/join.c: room cli may not use sync/slave"]


def so_is_one_of_an_inline_function_of_a_header():
    inline = {"sync/slave/small.h": "static inline int\nep_small(void)\n{\n\treturn 1;\n}\n"}
    assert calls(inline | {"cli/cmd_join.c": "int\nep_run(void)\n{\n\treturn ep_small();\n}\n"})


def and_one_that_the_cleanup_of_a_variable_makes():
    assert calls(SYNC | {"cli/cmd_join.c": "static int\nrun(void)\n{\n\tEP_OWNED(ep_join) int a;\n}\n"})


def and_one_that_a_macro_makes():
    macro = {"sync/slave/keep.h": "#define EP_KEPT(a) \\\n\tkeep(a, ep_join)\n"}
    assert calls(SYNC | macro | {"cli/cmd_join.c": "static int\nrun(void)\n{\n\tEP_KEPT(a);\n}\n"})


def a_call_by_the_table_and_a_name_in_words_are_not():
    assert not calls(SYNC | {"net/way.c": "int\nep_way(void)\n{\n\treturn ep_join();\n}\n"})
    assert not calls(BASE | {"cli/main.c": "int\nep_main(void)\n{\n\treturn ep_text_ok();\n}\n"})
    assert not calls(SYNC | {"cli/cmd_join.c": '/* as ep_join */\nstatic char text[] = "ep_join";\n'})
    assert not calls(SYNC | {"cli/cmd_join.c": "static struct ep_join_options options;\n"})


def a_command_on_the_header_that_uses_a_room_with_a_data_folder_is_found():
    door = {"cli/open_db.h": "int ep_open_db(void);\n"}
    log = {"store/log.h": "int ep_log_open(void);\n", "store/log.c": "int\nep_log_open(void)\n{\n}\n"}
    digest = '#include "cli/open_db.h"\n#include "base/text.h"\n'
    wrong = "src/cli/cmd_digest uses ep_log_open of store/log.c"
    of_digest = lambda found: [line for line in found if "cmd_digest" in line]
    assert not of_digest(commands(BASE | door | log | {"cli/cmd_digest.c": digest}))
    found = of_digest(commands(BASE | door | log | {"cli/cmd_digest.c": digest + "static int at = ep_log_open();\n"}))
    assert len(found) == 1 and found[0].startswith(wrong), found
    assert len(of_digest(commands(BASE | door | {"cli/cmd_digest.c": "int a;\n"}))) == 1


def a_tag_with_two_definitions_is_found():
    twice = {"node/join.c": "struct ep_join {\n\tint b;\n};\n"}
    assert tags(SYNC | twice) == ["src/node/join.c: ep_join is defined in src/sync/slave/join.h, too"]
    assert tags({"base/a.h": "enum ep_kind { EP_A };\n", "code/b.c": "union ep_kind {\n\tint a;\n};\n"})
    assert tags({"base/a.h": "typedef struct ep_a { int a; } A;\n", "code/b.c": "static struct ep_a {\n} a;\n"})


def a_tag_that_is_declared_or_private_or_in_words_is_not():
    assert not tags(SYNC | {"node/join.c": "struct ep_join;\nstatic struct ep_join join = { 0 };\n"})
    assert not tags({"base/a.c": "struct run {\n};\n", "code/b.c": "struct run {\n};\n"})
    assert not tags(SYNC | {"node/join.c": "/*\nstruct ep_join {\n*/\n"})


def main():
    checks = [check for name, check in globals().items() if name not in ("calls", "commands", "tags", "main") and callable(check)]
    failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        try:
            check()
            print(f"ok {name}")
        except AssertionError:
            failed += 1
            print(f"not ok {name}")
    print(f"{len(checks) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
