-- TKE's own definition of this kind has no status, and then there is nothing to wait for: whether the config is in force is told by
-- the bindings that use it. This project's definition gives every object a status from its creation on, with observedGeneration
-- -1 before the first round.
local status = obj.status
if status == nil or status.observedGeneration == nil then
  return {
    status = "Healthy",
    message = "the definition of this kind has no status; the bindings that use the config tell whether it is in force"
  }
end

-- From here on as kstatus does, which Flux asks: a status of an older generation tells nothing, Stalled and Reconciling count
-- before Ready. Deleted objects never get here.
if status.observedGeneration ~= obj.metadata.generation then
  return {
    status = "Progressing",
    message = "the controller has not looked at this generation yet"
  }
end

local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end

local ready = found["Ready"]
if ready == nil then
  return { status = "Progressing", message = "the controller has not judged it yet" }
end
if found["Stalled"] ~= nil and found["Stalled"].status == "True" then
  return { status = "Degraded", message = ready.message }
end
if found["Reconciling"] ~= nil and found["Reconciling"].status == "True" then
  return { status = "Progressing", message = ready.message }
end
if ready.status == "True" then
  return { status = "Healthy", message = ready.message }
end
return { status = "Progressing", message = ready.message }
