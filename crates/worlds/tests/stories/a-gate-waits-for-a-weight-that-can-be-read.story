# All of the load balancer was read every other second, for as long as nobody mended the weight of its Pods.
Seed 614
1. 0.579 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
2. 44.836 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":1,"grace":40,"preStop":30,"gate":true,"weight":"","broken":false,"otherGate":false}}
3. 71.066 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
