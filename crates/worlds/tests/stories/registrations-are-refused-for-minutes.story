Seed 500738
1. 0.882 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
2. 308.974 s: A user applies the StatefulSet old with 3 replicas.	{"workload":{"kind":"statefulSet","name":"old","app":"old","replicas":3,"revision":1,"surge":1,"unavailable":1,"grace":40,"preStop":30,"gate":false,"broken":false,"otherGate":false}}
3. 368.974 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
4. 373.788 s: A user rolls out a new version of old.	{"rollout":"old"}
5. 425.958 s: The next 28 calls of BatchRegisterTargets meet Error { code: "InvalidParameterValue", message: "not now" }.	{"fault":{"calls":{"action":"BatchRegisterTargets","count":28,"effect":{"error":{"code":"InvalidParameterValue","message":"not now"}}}}}
