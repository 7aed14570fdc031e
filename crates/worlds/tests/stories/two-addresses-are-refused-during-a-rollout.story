# Two addresses are refused for long, in a rollout: who forgets at once which of them was registered asks for both again, and again.
Seed 847
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 0.500 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
4. 0.500 s: A user applies the Deployment api with 2 replicas.	{"workload":{"name":"api","app":"api","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
5. 166.633 s: Calls of BatchRegisterTargets that name 10.0.0.6 are refused with LimitExceeded for 393 s.	{"fault":{"refused":{"action":"BatchRegisterTargets","names":"10.0.0.6","code":"LimitExceeded","seconds":393}}}
6. 166.633 s: Calls of BatchRegisterTargets that name 10.0.0.7 are refused with LimitExceeded for 393 s.	{"fault":{"refused":{"action":"BatchRegisterTargets","names":"10.0.0.7","code":"LimitExceeded","seconds":393}}}
7. 174.446 s: A user rolls out a new version of web.	{"rollout":"web"}
