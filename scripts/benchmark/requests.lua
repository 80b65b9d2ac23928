-- The requests of one route for wrk, and the result as a line of JSON. KIND is the route's kind, and FOLDER is where
-- entries are created, with names that start with RUN.
local threads = 0

function setup(thread)
  thread:set("thread", threads)
  threads = threads + 1
end

local made = 0
local headers, content

function init()
  headers = { Authorization = "Bearer " .. os.getenv("TOKEN") }
  content = string.rep("0123456789abcdef", 256)
end

local function new_name()
  made = made + 1
  return string.format("%s-%d-%d", os.getenv("RUN"), thread, made)
end

local kinds = {}

function kinds.get()
  return wrk.format("GET", nil, headers)
end

function kinds.folder()
  headers["Content-Type"] = "application/json"
  local body = string.format('{"folder_name": "%s", "parent_folder_id": "%s"}', new_name(), os.getenv("FOLDER"))
  return wrk.format("POST", nil, headers, body)
end

-- 4 KiB that no other file has.
function kinds.upload()
  local name = new_name()
  headers["Content-Type"] = "multipart/form-data; boundary=part"
  local body = table.concat({
    "--part",
    'Content-Disposition: form-data; name="parent_folder_id"',
    "",
    os.getenv("FOLDER"),
    "--part",
    string.format('Content-Disposition: form-data; name="file"; filename="%s.bin"', name),
    "Content-Type: application/octet-stream",
    "",
    name .. string.sub(content, 1, #content - #name),
    "--part--",
    "",
  }, "\r\n")
  return wrk.format("POST", nil, headers, body)
end

request = kinds[os.getenv("KIND")]

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('RESULT {"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
