Seed 88
1. 0.000 s: The cloud is like this: Targets(1).	{"dialect":{"targets":1}}
2. 0.500 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":2,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
3. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 0.500 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
5. 0.500 s: A user applies the Deployment api with 1 replicas.	{"workload":{"name":"api","app":"api","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":0,"gate":true,"broken":false,"otherGate":false}}
6. 63.043 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
