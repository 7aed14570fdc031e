-- Decides as kstatus does, which Flux asks: a status of an older generation tells nothing, Stalled and Reconciling count before
-- Ready. A pause is neither progress nor failure. Deleted objects never get here.
if obj.spec ~= nil and obj.spec.suspend == true then
  return {
    status = "Suspended",
    message = "spec.suspend is true: nothing is changed until it is set to false"
  }
end

-- Before its first round a binding has the default status, whose observedGeneration is -1.
local status = obj.status
if status == nil or status.observedGeneration == nil or status.observedGeneration ~= obj.metadata.generation then
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
