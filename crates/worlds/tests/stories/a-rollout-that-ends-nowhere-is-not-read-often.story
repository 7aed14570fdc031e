# The health of the load balancer was read twice a second, for as long as the containers of a new version were not ready.
Seed 617
1. 0.812 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":2,"unavailable":1,"grace":40,"preStop":30,"gate":true,"broken":false,"otherGate":false}}
2. 0.812 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 0.812 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
4. 52.512 s: A user rolls out a version of web that never becomes ready.	{"broken":["web",true]}
