-- A suspended binding has nothing to reconcile, and can only go on.
local suspended = obj.spec ~= nil and obj.spec.suspend == true

local actions = {}
actions["reconcile"] = { disabled = suspended, iconClass = "fa fa-fw fa-sync" }
actions["suspend"] = { disabled = suspended, iconClass = "fa fa-fw fa-pause" }
actions["resume"] = { disabled = not suspended, iconClass = "fa fa-fw fa-play" }
return actions
