# All of the load balancer was read every other second, for as long as another binding had the port.
Seed 671
1. 0.500 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 180.500 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
4. 204.233 s: A user applies the Deployment api with 3 replicas.	{"workload":{"name":"api","app":"api","replicas":3,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":0,"gate":true,"broken":false,"otherGate":false}}
5. 204.233 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
6. 204.233 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"api"}}}}
