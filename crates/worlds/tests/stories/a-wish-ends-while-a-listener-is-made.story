Seed 2941
1. 0.511 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":443,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
2. 82.637 s: Somebody deletes listener 13.	{"console":{"removeListener":13}}
3. 82.667 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
