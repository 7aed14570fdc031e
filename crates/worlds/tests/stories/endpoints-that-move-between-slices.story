# A slice has one endpoint, so that each Pod that comes or goes moves others from slice to slice: for a moment they are in two, or in none.
Seed 1
1. 0.000 s: A slice has 1 endpoints at most.	{"slices":1}
2. 0.500 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
3. 0.700 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
4. 0.900 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
5. 180.000 s: A user rolls out a new version of web.	{"rollout":"web"}
6. 300.000 s: Pod 0 is deleted.	{"deletePod":0}
7. 420.000 s: A user scales web to 1.	{"scale":["web",1]}
