# A Pod is behind two load balancers, and somebody has stopped the listener on one of them. Its gate opened when the other one had it.
Seed 1
1. 0.500 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"ClusterIP","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.600 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 0.600 s: A user applies the DirectAccessBinding third.	{"binding":{"name":"third","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-two"}}}}
5. 300.000 s: Somebody stops listener 0.	{"console":{"stop":[0,true]}}
6. 421.000 s: A user rolls out a new version of web.	{"rollout":"web"}
