-- Posts distinct orders, for wrk. What to send comes from the environment:
-- BENCH_HEAD   request line and headers; a %d in it is the body's length
-- BENCH_ORDER  an order as text with five %d: the order's number, and what is derived from it,
--              its customer, twice a second, its total
-- BENCH_FIRST, BENCH_LAST, BENCH_COUNT   around and how many orders a body holds
-- BENCH_LIMIT  stop after so many answers; 0 for none
-- BENCH_PAUSE  milliseconds that a connection waits before each request; 0 for none
local template = os.getenv("BENCH_ORDER")
local first, last = os.getenv("BENCH_FIRST"), os.getenv("BENCH_LAST")
local count = tonumber(os.getenv("BENCH_COUNT"))
local limit = tonumber(os.getenv("BENCH_LIMIT"))
local format, concat = string.format, table.concat
local head
local orders = {}
issued = 0
answered = 0

local function body()
  for i = 1, count do
    issued = issued + 1
    local second = issued % 60
    orders[i] = format(template, issued, issued % 5000, second, second, 1000 + issued % 9973)
  end
  return first .. concat(orders, ",") .. last
end

function init()
  head = format(os.getenv("BENCH_HEAD"), #body()) -- all bodies have one length
  issued = 0
end

function request()
  return head .. body()
end

local pause = tonumber(os.getenv("BENCH_PAUSE"))
if pause > 0 then
  function delay() return pause end
end

if limit > 0 then
  function response()
    answered = answered + 1
    if answered >= limit then wrk.thread:stop() end
  end
end

local workers = {}
function setup(thread)
  table.insert(workers, thread)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(format(
    'RESULT {"answered": %d, "issued": %d, "wall_s": %f, "refused": %d, "broken": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, workers[1]:get("issued"), summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
