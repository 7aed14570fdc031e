# All of the load balancer was read every other second, for as long as nobody started the listener.
Seed 560
1. 0.982 s: A user applies the StatefulSet api with 2 replicas.	{"workload":{"kind":"statefulSet","name":"api","app":"api","replicas":2,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.982 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
3. 0.982 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"api"}}}}
4. 37.979 s: A user rolls out a new version of api.	{"rollout":"api"}
5. 41.750 s: Somebody stops listener 13.	{"console":{"stop":[13,true]}}
