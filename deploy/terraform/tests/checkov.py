"""Compares checkov's reports with checkov.skips: `python3 checkov.py SKIPS REPORT…`.

Fails for unlisted findings and unused skips.
"""

import json
import re
import sys


def main(skips, *reports):
    listed, wrong = {}, []
    with open(skips, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            words = line.split(maxsplit=2)
            if not words or words[0].startswith("#"):
                continue
            if len(words) < 3:
                wrong.append(f"{skips}:{number}: a check, a resource and a reason")
                continue
            if tuple(words[:2]) in listed:
                wrong.append(f"{skips}:{number}: stands there twice")
            listed[tuple(words[:2])] = number

    found, passed = {}, 0
    for name in reports:
        with open(name, encoding="utf-8") as file:
            report = json.load(file)
        for part in report if isinstance(report, list) else [report]:
            if "results" not in part:
                sys.exit(f"{name}: checkov looked at nothing")
            if part["summary"]["parsing_errors"]:
                wrong.append(f"{name}: checkov could not read {part['results']['parsing_errors']}")
            passed += part["summary"]["passed"]
            for check in part["results"]["failed_checks"]:
                resource = re.sub(r"\[[^]]*\]", "", check["resource"])
                found[(check["check_id"], resource)] = check["check_name"]

    wrong += [f"{' '.join(key)}: {text}" for key, text in sorted(found.items()) if key not in listed]
    wrong += [f"{skips}:{number}: {' '.join(key)} is not found any more" for key, number in listed.items() if key not in found]
    for line in wrong:
        print(f"checkov: {line}", file=sys.stderr)
    if wrong or not passed:
        sys.exit(1)
    print(f"checkov: {passed} checks passed, {len(listed)} findings are as they should be", file=sys.stderr)


main(*sys.argv[1:])
