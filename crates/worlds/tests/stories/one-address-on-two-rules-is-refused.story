Seed 494
1. 0.655 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
2. 0.655 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 0.655 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"listeners":[{"port":80,"protocol":"HTTP","rules":[{},{"domain":"b.example"}]}],"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
4. 0.799 s: A user applies the Deployment api with 2 replicas.	{"workload":{"name":"api","app":"api","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":40,"preStop":30,"gate":true,"broken":false,"otherGate":false}}
5. 42.519 s: Calls of BatchDeregisterTargets that name 10.0.0.4 are refused with LimitExceeded for 107 s.	{"fault":{"refused":{"action":"BatchDeregisterTargets","names":"10.0.0.4","code":"LimitExceeded","seconds":107}}}
6. 52.268 s: A user rolls out a new version of web.	{"rollout":"web"}
