# Somebody takes the tag off that says for whom a load balancer was made. It serves on, and is not deleted with its binding, which says so.
Seed 1
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.700 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.900 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"create":{"network":"Public"}},"deletionPolicy":"Delete"}}}
4. 180.000 s: Somebody takes its owner's tag off load balancer 2.	{"console":{"untag":2}}
5. 260.000 s: A user rolls out a new version of web.	{"rollout":"web"}
6. 500.000 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
