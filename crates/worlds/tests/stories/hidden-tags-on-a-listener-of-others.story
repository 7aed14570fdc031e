Seed 501047
1. 48.527 s: A user applies the Deployment api with 3 replicas.	{"workload":{"name":"api","app":"api","replicas":3,"revision":1,"surge":2,"unavailable":1,"grace":30,"preStop":0,"gate":true,"broken":false,"otherGate":false}}
2. 0.000 s: The cloud is like this: Departs(TagsHidden).	{"dialect":{"departs":"tags-hidden"}}
3. 0.000 s: Somebody makes a listener on port 9000 of load balancer 1.	{"console":{"addListener":{"load_balancer":1,"port":9000}}}
4. 51.656 s: A user applies the StatefulSet old with 1 replicas.	{"workload":{"kind":"statefulSet","name":"old","app":"old","replicas":1,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
5. 51.656 s: A user applies the Service old.	{"service":{"name":"old","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
6. 51.656 s: A user applies the DirectAccessBinding old.	{"binding":{"name":"old","spec":{"listeners":[{"listenerId":"lbl-wywg9grc","port":9000,"protocol":"TCP"}],"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"old"}}}}
7. 126.618 s: A user rolls out a new version of api.	{"rollout":"api"}
8. 127.118 s: A user rolls out a new version of old.	{"rollout":"old"}
