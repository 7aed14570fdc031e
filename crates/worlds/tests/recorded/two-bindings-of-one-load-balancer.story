# One rolls out while the other one is scaled, and then goes: tests/cluster/isolation.
Seed 1
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 0.500 s: A user applies the Deployment api with 2 replicas.	{"workload":{"name":"api","app":"api","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
3. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
4. 0.600 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"api"},"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}]}}}
5. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
6. 0.800 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"serviceRef":{"name":"api"},"loadBalancer":{"id":"lb-one"}}}}
7. 30.000 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
8. 32.000 s: A user scales the Deployment api to 4.	{"scale":["api",4]}
9. 80.000 s: A user deletes the DirectAccessBinding api.	{"deleteBinding":"api"}
