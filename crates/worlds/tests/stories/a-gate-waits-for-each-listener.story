# A gate is about each listener of its binding: one that cannot be made, because somebody else has its port, keeps it closed.
Seed 1
1. 0.100 s: Somebody makes a listener on port 9000 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9000}}}
2. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
3. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
4. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"},"listeners":[{"port":80,"protocol":"HTTP","servicePort":"http","rules":[{}]},{"port":9000,"protocol":"TCP","servicePort":"http"}]}}}
5. 200.000 s: A user rolls out a new version of web.	{"rollout":"web"}
