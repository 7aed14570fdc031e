Seed 1
1. 0.500 s: A user applies the Deployment web with 5 replicas.	{"workload":{"name":"web","app":"web","replicas":5,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 1.500 s: A user applies the Deployment api with 5 replicas.	{"workload":{"name":"api","app":"api","replicas":5,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
5. 1.600 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"api"},"ports":[{"name":"http","port":81,"protocol":"TCP","targetPort":8080}]}}}
6. 1.700 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"serviceRef":{"name":"api"},"loadBalancer":{"id":"lb-one"}}}}
7. 200.000 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"api"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
8. 200.000 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":81,"protocol":"TCP","targetPort":8080}]}}}
