-- A new value asks for a round now; status.lastHandledReconcileAt repeats it when that round is done.
local os = require("os")

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["cloud.tencent.com/reconcile-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")

return obj
