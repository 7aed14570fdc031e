Seed 200650
1. 0.000 s: The cloud is like this: Targets(2).	{"dialect":{"targets":2}}
2. 0.859 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":true}}
3. 0.859 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 0.859 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"listeners":[{"port":8443,"protocol":"TCP"},{"port":9000,"protocol":"TCP"}],"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"web"}}}}
5. 56.114 s: A user rolls out a new version of web.	{"rollout":"web"}
6. 64.501 s: A user rolls out a new version of web.	{"rollout":"web"}
7. 71.481 s: Pod 32 is deleted.	{"deletePod":32}
