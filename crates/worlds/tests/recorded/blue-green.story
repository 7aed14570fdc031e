# The selector goes from one Deployment to another: tests/replacement.
Seed 1
1. 0.500 s: A user applies the Deployment blue with 2 replicas.	{"workload":{"name":"blue","app":"blue","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 0.500 s: A user applies the Deployment green with 2 replicas.	{"workload":{"name":"green","app":"green","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
3. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"blue"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
4. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
5. 30.000 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"green"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
6. 70.000 s: A user deletes the Deployment blue.	{"deleteWorkload":"blue"}
