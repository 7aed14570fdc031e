Seed 600879
1. 1.294 s: A user applies the Deployment api with 1 replicas.	{"workload":{"name":"api","app":"api","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 1.294 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
3. 303.288 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-two"},"network":"GlobalRouter","serviceRef":{"name":"api"}}}}
