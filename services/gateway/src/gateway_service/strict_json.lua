-- Walks a JSON text once. Only names of fields are judged here; values are the transcoder's business.
local MAX_DEPTH = 64

local function bad(message)
  error({ message = message }, 0)
end

local function skip_space(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

-- Returns the string's content (escapes undone only as far as names need it) and the place behind it.
local function read_string(text, at)
  local from = at + 1
  local place = from
  while true do
    local stop = text:find('["\\]', place)
    if not stop then
      bad("a string has no end")
    end
    if text:sub(stop, stop) == '"' then
      return text:sub(from, stop - 1), stop + 1
    end
    place = stop + 2
  end
end

local read_value

local function read_list(text, at, message, path, depth)
  at = skip_space(text, at + 1)
  if text:sub(at, at) == "]" then
    return at + 1
  end
  local index = 0
  while true do
    at = skip_space(text, read_value(text, at, message, path .. "[" .. index .. "]", depth + 1))
    index = index + 1
    local mark = text:sub(at, at)
    if mark == "]" then
      return at + 1
    elseif mark ~= "," then
      bad("a list is not written well at " .. path)
    end
    at = skip_space(text, at + 1)
  end
end

local function known_names(fields)
  local names = {}
  for name in pairs(fields) do
    if not name:find("%u") then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local function kind_of(name, message, path)
  if message == true then
    return true
  elseif type(message) == "table" then
    return message.map
  end
  local kind = FIELDS[message][name]
  if kind == nil then
    bad("unknown field " .. path .. "; known are: " .. known_names(FIELDS[message]) .. ".")
  end
  return kind
end

local function read_object(text, at, message, path, depth)
  at = skip_space(text, at + 1)
  if text:sub(at, at) == "}" then
    return at + 1
  end
  local seen = {}
  while true do
    if text:sub(at, at) ~= '"' then
      bad("a field's name is missing at " .. (path == "" and "the start" or path))
    end
    local name
    name, at = read_string(text, at)
    local place = path == "" and name or path .. "." .. name
    if seen[name] then
      bad("the field " .. place .. " stands there twice.")
    end
    seen[name] = true
    local kind = kind_of(name, message, place)
    at = skip_space(text, at)
    if text:sub(at, at) ~= ":" then
      bad("a colon is missing after " .. place)
    end
    at = skip_space(text, read_value(text, skip_space(text, at + 1), kind, place, depth + 1))
    local mark = text:sub(at, at)
    if mark == "}" then
      return at + 1
    elseif mark ~= "," then
      bad("an object is not written well at " .. place)
    end
    at = skip_space(text, at + 1)
  end
end

function read_value(text, at, message, path, depth)
  if depth > MAX_DEPTH then
    bad("the document is nested deeper than " .. MAX_DEPTH .. " levels.")
  end
  local mark = text:sub(at, at)
  if mark == "{" then
    return read_object(text, at, message, path, depth)
  elseif mark == "[" then
    return read_list(text, at, message, path, depth)
  elseif mark == '"' then
    local _, behind = read_string(text, at)
    return behind
  end
  local from, stop = text:find("^[%w+.-]+", at)
  if not from then
    bad("a value is missing at " .. (path == "" and "the start" or path))
  end
  return stop + 1
end

local function message_of(verb, path)
  for _, body in ipairs(BODIES) do
    if body[1] == verb and path:find(body[2]) then
      return body[3]
    end
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = (headers:get(":path") or ""):match("^[^?]*")
  local message = message_of(headers:get(":method"), path)
  if message == nil then
    return
  end
  local body = handle:body()
  if body == nil or body:length() == 0 then
    return
  end
  local text = body:getBytes(0, body:length())
  local good, failure = pcall(function()
    local at = skip_space(text, 1)
    if text:sub(at, at) ~= "{" then
      bad("the body is not a JSON object.")
    end
    if skip_space(text, read_value(text, at, message, "", 0)) <= #text then
      bad("something stands behind the JSON object.")
    end
  end)
  if not good then
    local reason = type(failure) == "table" and failure.message or "the body cannot be read."
    handle:respond({ [":status"] = "400" }, reason)
  end
end
