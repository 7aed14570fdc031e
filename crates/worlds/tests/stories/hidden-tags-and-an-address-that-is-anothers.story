Seed 600326
1. 0.000 s: The cloud is like this: Departs(TagsHidden).	{"dialect":{"departs":"tags-hidden"}}
2. 0.528 s: A user applies the Deployment web with 4 replicas.	{"workload":{"name":"web","app":"web","replicas":4,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":false,"broken":false,"otherGate":false}}
3. 0.528 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 0.528 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"web"}}}}
5. 0.772 s: A user applies the Deployment api with 2 replicas.	{"workload":{"name":"api","app":"api","replicas":2,"revision":1,"surge":2,"unavailable":1,"grace":30,"preStop":0,"gate":true,"broken":false,"otherGate":false}}
6. 43.777 s: Node 18 is off for 60 s.	{"fault":{"node":{"node":18,"seconds":60,"serves":false}}}
7. 78.917 s: Pod 40 is deleted.	{"deletePod":40}
8. 79.027 s: A user rolls out a new version of api.	{"rollout":"api"}
