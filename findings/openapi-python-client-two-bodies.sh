#!/usr/bin/env bash
# openapi-python-client 0.29.1: an operation with two media types for its required body, and without any optional parameter,
# becomes a module that cannot be imported: it annotates `body` with `Unset`, as if the body could be left out, and imports no
# `Unset`. One optional parameter of the operation (a header, say) makes the module import it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv tool
tool/bin/pip install --quiet --disable-pip-version-check openapi-python-client==0.29.1
tool/bin/python - <<'PYTHON'
import json

def body(name):
    return {"schema": {"type": "object", "title": name, "properties": {"name": {"type": "string"}}, "required": ["name"]}}

def operation(parameters):
    content = {"application/json": body("AsJson"), "application/x-www-form-urlencoded": body("AsForm")}
    return {"operationId": "login", "tags": ["account"], "parameters": parameters,
            "requestBody": {"required": True, "content": content}, "responses": {"204": {"description": "done"}}}

header = {"name": "X-Request-Id", "in": "header", "required": False, "schema": {"type": "string"}}
for name, parameters in [("without", []), ("with", [header])]:
    document = {"openapi": "3.1.0", "info": {"title": name, "version": "1"}, "paths": {"/login": {"post": operation(parameters)}}}
    json.dump(document, open(f"{name}.json", "w"))
PYTHON
echo 'post_hooks: []' >config.yml
for name in without with; do
  tool/bin/openapi-python-client generate --config config.yml --path "$name.json" --meta none --output-path "client_$name" >/dev/null
done
tool/bin/openapi-python-client --version
echo "required in the document, optional in the client:"
grep -m 1 -n 'Unset = UNSET' client_without/api/account/login.py
if tool/bin/python -c 'from client_without.api.account import login' 2>error; then
  echo "CHANGED: the module can be imported"
  exit 1
fi
tail -n 1 error
grep -q "NameError: name 'Unset' is not defined" error
tool/bin/python -c 'from client_with.api.account import login'
echo "with one optional parameter it can be imported"
