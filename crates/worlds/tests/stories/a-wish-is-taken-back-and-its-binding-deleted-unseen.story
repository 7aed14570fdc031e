Seed 55
1. 179.310 s: A user applies the Service old.	{"service":{"name":"old","annotations":{"service.cloud.tencent.com/direct-access":"true"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
2. 239.310 s: Replica 1 hears nothing of kind 1 for 40 s.	{"fault":{"stall":[1,1,40]}}
3. 239.310 s: A user applies the Service old.	{"service":{"name":"old","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"old"},"type":"LoadBalancer"}}}
4. 239.310 s: A user deletes the DirectAccessBinding old.	{"deleteBinding":"old"}
