"""Checks that rules, rule tests, dashboard and runbook only use metrics in docs/metrics.md, and that every alarm has
tests and a runbook section. Prints disagreements, and fails if there are any.

usage: agreement.py OUTPUT     OUTPUT: the queries of dashboard and runbook as recording rules, for promtool to parse
"""

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/clouddrive.rules.yaml"
TESTS = sorted((ROOT / "deploy/prometheus").glob("*.test.yaml"))
DASHBOARD = ROOT / "deploy/grafana/clouddrive.json"
PROVISIONING = sorted((ROOT / "deploy/grafana/provisioning").glob("*/*.yaml"))
METRICS = ROOT / "docs/metrics.md"
RUNBOOK = ROOT / "docs/operations.md"

# Labels that Prometheus adds to every metric, and its own metrics.
TARGET_LABELS = {"job", "instance"}
BUILT_IN = {"up": set(), "ALERTS": {"alertname", "alertstate", "severity"}}
UNITS_IN_NAMES = {"seconds": "_seconds", "bytes": "_bytes"}
KEYWORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "inf", "nan"}
# Grafana's variables, with values that parse in their place.
VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "6h", "$job": "clouddrive", "$instance": ".*"}

complaints = []


def complain(where, what):
    complaints.append(f"{where}: {what}")


def read_metrics():
    """The table of docs/metrics.md: the type and labels of each metric, with the known values of each label."""
    metrics = {}
    for line in METRICS.read_text().splitlines():
        if not line.startswith("| `"):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        where = f"{METRICS.name}, {cells[0]}"
        if len(cells) != 5:
            complain(where, f"the row has {len(cells)} cells, and not 5")
            continue
        name, kind, unit, labels, meaning = cells[0].strip("` "), *cells[1:]
        if kind not in ("counter", "gauge", "histogram"):
            complain(where, f"the type is {kind}")
        if (kind == "counter") != name.endswith("_total"):
            complain(where, "counters end in _total, and nothing else does")
        suffix = UNITS_IN_NAMES.get(unit, "")
        if suffix not in name or any(other in name for key, other in UNITS_IN_NAMES.items() if key != unit):
            complain(where, f"the name does not tell the unit, {unit or 'none'}")
        if name in metrics or not meaning:
            complain(where, "it stands there twice, or without a meaning")
        parsed = re.fullmatch(r"(?:`(\w+)`(?: \(((?:`\w+`(?:, )?)+)\))?(?:, |$))*", labels)
        if labels and not parsed:
            complain(where, f"the labels cannot be read: {labels}")
        found = re.findall(r"`(\w+)`(?: \(((?:`\w+`(?:, )?)+)\))?", labels)
        metrics[name] = (kind, {label: set(re.findall(r"\w+", values)) for label, values in found})
    return metrics


class Names:
    """The metrics that an expression may name, with their labels."""

    def __init__(self, metrics):
        self.labels = {name: {label: set() for label in labels} for name, labels in BUILT_IN.items()}
        self.used = set()
        for name, (kind, labels) in metrics.items():
            if kind == "histogram":
                self.labels[f"{name}_bucket"] = labels | {"le": set()}
                self.labels[f"{name}_sum"] = self.labels[f"{name}_count"] = labels
            else:
                self.labels[name] = labels

    def record(self, name):
        """The name of a recorded metric contains its labels."""
        self.labels[name] = {label: set() for label in name.split(":")[0].split("_") if label != "job"}

    def check(self, where, expression):
        """Complains about unknown metrics, labels and values."""
        texts = []

        def hide(match):
            texts.append(match.group(0)[1:-1])
            return f"“{len(texts) - 1}”"

        bare = re.sub(r'"(?:[^"\\]|\\.)*"', hide, expression)
        bare = re.sub(r"\[[^\]]*\]", " ", bare)
        known, seen = set(TARGET_LABELS), []
        for name, matchers in re.findall(r"([A-Za-z_:][\w:]*)\s*\{([^}]*)\}", bare):
            if name not in self.labels:
                continue
            for label, comparison, text in re.findall(r"(\w+)\s*(=~|!~|!=|=)\s*“(\d+)”", matchers):
                values = self.labels[name].get(label)
                if values is None and label not in TARGET_LABELS:
                    complain(where, f"{name} has no label {label}")
                if values and comparison in ("=", "!=") and texts[int(text)] not in values:
                    complain(where, f"{name} has no {label}={texts[int(text)]}")
        bare = re.sub(r"\{[^}]*\}", " ", bare)
        grouping = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", bare)
        bare = re.sub(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
        bare = re.sub(r"\b\d[\w.]*", " ", bare)
        for match in re.finditer(r"[A-Za-z_:][\w:]*", bare):
            name = match.group(0)
            if name.lower() in KEYWORDS or re.match(r"\s*\(", bare[match.end() :]):
                continue
            if name not in self.labels:
                complain(where, f"there is no metric {name}")
                continue
            self.used.add(name)
            seen.append(name)
            known |= set(self.labels[name])
        if not seen:
            complain(where, "it names no metric")
        for labels in grouping:
            for label in filter(None, map(str.strip, labels.split(","))):
                if label not in known:
                    complain(where, f"none of its metrics has the label {label}")


def check_rules(names):
    """The alarms by name, each with the anchor of its runbook section."""
    alarms = {}
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    for rule in rules:
        if "record" in rule:
            names.record(rule["record"])
    for rule in rules:
        name = rule.get("record") or rule["alert"]
        where = f"{RULES.name}, {name}"
        names.check(where, rule["expr"])
        if "record" in rule:
            continue
        if name in alarms:
            complain(where, "two alarms have that name")
        if rule.get("labels", {}).get("severity") not in ("critical", "warning"):
            complain(where, "severity must be critical or warning")
        annotations = rule.get("annotations", {})
        for annotation in ("summary", "description", "runbook_url"):
            if not annotations.get(annotation):
                complain(where, f"it has no {annotation}")
        if "$value" not in annotations.get("description", ""):
            complain(where, "the description tells no value")
        page, _, anchor = annotations.get("runbook_url", "").partition("#")
        if not page.endswith(f"/{RUNBOOK.relative_to(ROOT)}"):
            complain(where, f"runbook_url does not lead to {RUNBOOK.name}")
        alarms[name] = anchor
    return alarms, [rule["record"] for rule in rules if "record" in rule]


def check_tests(alarms):
    fires, silent = set(), set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case.get("exp_alerts") else silent).add(case["alertname"])
    for alarm in alarms:
        if alarm not in fires:
            complain(RULES.name, f"no test has {alarm} fire")
        if alarm not in silent:
            complain(RULES.name, f"no test has {alarm} silent")
    for alarm in (fires | silent) - set(alarms):
        complain("tests", f"there is no alarm {alarm}")


def anchors(path):
    """The anchors that GitHub generates for the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_links(path):
    for page, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", path.read_text()):
        target = path.parent / page if page else path
        if not target.exists():
            complain(path.name, f"a link leads nowhere: {page}")
        elif anchor and anchor not in anchors(target):
            complain(path.name, f"a link leads to no heading: {page}#{anchor}")


def check_runbook(alarms, metrics, names):
    """The queries of the runbook, one per line."""
    text = RUNBOOK.read_text()
    chapter = re.search(r"^## Alarms$(.*?)^## ", text, re.M | re.S)
    headings = re.findall(r"^### (.+)$", chapter.group(1), re.M) if chapter else []
    for heading in headings:
        if heading not in alarms:
            complain(RUNBOOK.name, f"the page {heading} is of no alarm")
        elif alarms[heading] != heading.lower():
            complain(RULES.name, f"runbook_url of {heading} ends in #{alarms[heading]}, its page is #{heading.lower()}")
    for alarm in alarms:
        if headings.count(alarm) != 1:
            complain(RUNBOOK.name, f"there are {headings.count(alarm)} pages of {alarm}")
    for name in re.findall(r"(?<![\w:])(?:clouddrive|process)_[a-z_]+\b(?!:)", text):
        if name not in names.labels and name not in metrics:
            complain(RUNBOOK.name, f"there is no metric {name}")
    blocks = re.findall(r"^ *```promql\n(.*?)^ *```", text, re.M | re.S)
    queries = [line.strip() for block in blocks for line in block.splitlines()]
    for query in queries:
        names.check(f"{RUNBOOK.name}, {query}", query)
    return queries


def substituted(where, expression):
    for variable, value in VARIABLES.items():
        expression = re.sub(rf"{re.escape(variable)}\b", value, expression)
    if "$" in expression:
        complain(where, f"a variable is not known: {expression}")
    return expression


def check_dashboard(names):
    """The expressions of the dashboard, with Grafana's variables replaced."""
    try:
        dashboard = json.loads(DASHBOARD.read_text())
    except json.JSONDecodeError as fault:
        complain(DASHBOARD.name, str(fault))
        return []
    expressions = []

    def take(where, expression):
        expression = substituted(where, expression)
        names.check(where, expression)
        expressions.append(expression)

    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    for variable in variables.values():
        if variable["type"] == "query":
            query = variable["query"]["query"]
            parsed = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
            if not parsed or variable["definition"] != query:
                complain(f"variable {variable['name']}", f"the query cannot be read, or is defined otherwise: {query}")
            else:
                take(f"variable {variable['name']}", f"count by ({parsed.group(2)}) ({parsed.group(1)})")
    source = {"type": "prometheus", "uid": "${datasource}"}
    if variables.get("datasource", {}).get("query") != "prometheus":
        complain(DASHBOARD.name, "there is no variable for the data source")
    for annotation in dashboard["annotations"]["list"]:
        take(f"annotation {annotation['name']}", annotation["expr"])
        if annotation["datasource"] != source:
            complain(f"annotation {annotation['name']}", "it has another data source")

    if not dashboard["uid"] or dashboard.get("id") is not None:
        complain(DASHBOARD.name, "it must have a uid and no id, to be imported anywhere")
    panels, taken = dashboard["panels"], {}
    for key, values in (("id", [panel["id"] for panel in panels]), ("title", [panel["title"] for panel in panels])):
        for value in {value for value in values if values.count(value) > 1}:
            complain(DASHBOARD.name, f"panels share the {key} {value}")
    for panel in panels:
        where = f"panel {panel['title']}"
        grid = panel["gridPos"]
        if grid["x"] < 0 or grid["w"] < 1 or grid["h"] < 1 or grid["x"] + grid["w"] > 24:
            complain(where, "it does not fit into 24 columns")
        for cell in ((x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])):
            if cell in taken:
                complain(where, f"it overlaps with {taken[cell]}")
                break
            taken[cell] = where
        if panel["type"] == "row":
            continue
        if panel["datasource"] != source or not panel.get("description"):
            complain(where, "it has another data source, or no description")
        if not panel["fieldConfig"]["defaults"].get("unit"):
            complain(where, "it has no unit")
        targets = panel["targets"]
        if not targets or len({target["refId"] for target in targets}) != len(targets):
            complain(where, "it has no targets, or two of one refId")
        for target in targets:
            if target.get("datasource") != source or not target.get("legendFormat"):
                complain(where, f"target {target['refId']} has another data source, or no legend")
            take(where, target["expr"])
    for path in PROVISIONING:
        if yaml.safe_load(path.read_text()).get("apiVersion") != 1:
            complain(path.name, "apiVersion must be 1")
    return expressions


def main():
    metrics = read_metrics()
    names = Names(metrics)
    alarms, records = check_rules(names)
    check_tests(alarms)
    for path in (RUNBOOK, METRICS):
        check_links(path)
    queries = check_dashboard(names) + check_runbook(alarms, metrics, names)
    for record in records:
        if record not in names.used:
            complain(RULES.name, f"{record} is not used")
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    Path(sys.argv[1]).write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if complaints:
        sys.exit(f"{len(complaints)} disagreements")
    print(f"{len(metrics)} metrics, {len(alarms)} alarms and {len(queries)} queries of dashboard and runbook agree")


main()
