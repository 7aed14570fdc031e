Seed 600033
1. 0.500 s: The definition of TkeServiceConfig is TKE's own.	"vendorsConfigs"
2. 1.211 s: A user applies the Service api.	{"service":{"name":"api","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
3. 69.420 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.cloud.tencent.com/tke-service-config":"turns","service.kubernetes.io/tke-existed-lbid":"lb-two"},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 159.411 s: A user applies the TkeServiceConfig turns.	{"config":{"name":"turns","spec":{"loadBalancer":{"l7Listeners":[{"snatEnable":"?zz-config-turns-zz"}]}}}}
