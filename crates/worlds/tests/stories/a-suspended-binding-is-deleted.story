Seed 402545
1. 0.635 s: A user applies the StatefulSet api with 3 replicas.	{"workload":{"kind":"statefulSet","name":"api","app":"api","replicas":3,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.635 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
3. 49.862 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"api"},"suspend":true}}}
4. 87.112 s: A user deletes the DirectAccessBinding api.	{"deleteBinding":"api"}
5. 105.638 s: A user rolls out a new version of api.	{"rollout":"api"}
